import type { RegistrationReport } from "../engine/engine.ts";
import { askGateway } from "./ask-gateway.ts";
import { ageText, jsonLine, table } from "./format.ts";
import type { Session } from "./session.ts";

interface Options {
  readonly json?: true;
}

/**
 * `waypost registrations`: how each legacy address that asks for it is registered, in a sentence.
 * @returns the exit status: 1 when the last attempt of one failed
 * @throws WaypostError as {@link askGateway} does; NOT_REGISTERED for an address that the gateway does not register
 */
export async function showRegistrations(
  session: Session,
  address: string | undefined,
  options: Options,
): Promise<number> {
  const { io } = session;
  const path = "/registrations";
  const answer = await askGateway<{ registrations: readonly RegistrationReport[] }>(session, "GET", path, address);
  const registrations = answer.registrations.toSorted((a, b) => (a.endpoint < b.endpoint ? -1 : 1));
  for (const registration of registrations) {
    io.out(options.json ? jsonLine(registration) : `${registration.endpoint} ${registration.sentence}\n`);
  }
  if (registrations.length === 0) io.err("no endpoint asks this gateway to be registered\n");
  return registrations.some(({ kind }) => kind !== undefined) ? 1 : 0;
}

/**
 * `waypost registrations refresh`: sends REGISTER now, whatever was due when.
 * @throws WaypostError as {@link askGateway} does; NOT_REGISTERED for an address that the gateway does not register
 */
export async function refreshRegistrations(
  session: Session,
  address: string | undefined,
  options: Options,
): Promise<void> {
  const answer = await askGateway<{ count: number }>(session, "POST", "/registrations/refresh", address);
  if (options.json) session.io.out(jsonLine(answer));
  else if (answer.count === 0) session.io.err("no endpoint asks this gateway to be registered\n");
  else {
    const what = answer.count === 1 ? "1 address is" : `${answer.count} addresses are`;
    session.io.out(`${what} registered anew; \`waypost registrations\` shows how that went\n`);
  }
}

interface Caller {
  readonly endpoint: string;
  readonly caller: string;
  readonly requests: number;
  readonly firstAt: string;
  readonly lastAt: string;
  readonly lastStatus: number;
  readonly lastMethod: string;
}

/**
 * `waypost callers`: who has used a legacy address since the gateway started, who called last first.
 * @throws WaypostError as {@link askGateway} does
 */
export async function showCallers(session: Session, address: string | undefined, options: Options): Promise<void> {
  const { io } = session;
  const answer = await askGateway<{ callers: readonly Caller[]; forgotten: number }>(
    session,
    "GET",
    "/callers",
    address,
  );
  const { callers, forgotten } = answer;
  if (options.json) io.out(callers.map(jsonLine).join(""));
  else if (callers.length > 0) {
    const head = ["ENDPOINT", "CALLER", "REQUESTS", "LAST SEEN", "LAST ANSWER"];
    const rows = callers.map(({ endpoint, caller, requests, lastAt, lastMethod, lastStatus }) => {
      return [endpoint, caller, String(requests), ageText(lastAt), `${lastStatus} to ${lastMethod}`];
    });
    io.out(table(head, rows));
  }
  const where = address === undefined ? "a legacy address" : address;
  if (callers.length === 0) io.err(`nobody has called ${where} since this gateway started\n`);
  if (forgotten > 0) io.err(`${forgotten} more were forgotten at the limit admin.callers\n`);
}
