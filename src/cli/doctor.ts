import { examine } from "../doctor/doctor.ts";
import { gatewayPlaces, reachOf } from "../doctor/from-config.ts";
import { type Step, Steps } from "../doctor/step.ts";
import { parseSipAddress } from "../endpoints/address.ts";
import { EndpointTable } from "../endpoints/table.ts";
import { jsonLine } from "./format.ts";
import { endpointMeant } from "./identity.ts";
import { type Session, withTable } from "./session.ts";

export interface DoctorOptions {
  readonly call?: string;
  readonly gateway: boolean;
  /** Seconds for each step. */
  readonly timeout: number;
  readonly json?: true;
}

/**
 * `waypost doctor ADDRESS`: looks at everything between a legacy client and its pool.
 * @returns the exit status: 0 when nothing is wrong, else 1
 */
export async function runDoctor(session: Session, address: string, options: DoctorOptions): Promise<number> {
  const { io } = session;
  return withTable(session, async ({ config, store }) => {
    const table = new EndpointTable(await store.load());
    const reach = await reachOf(config, options.timeout * 1000);
    const steps = new Steps(options.json ? undefined : (step) => io.out(told(step)));
    try {
      await examine(
        {
          address: addressOf(table, address),
          find: (key) => table.find(key),
          reach,
          gateway: options.gateway ? gatewayPlaces(config) : [],
          callWithinMs: options.timeout * 1000,
          ...(options.call === undefined ? {} : { call: parseSipAddress(options.call).uri }),
        },
        steps,
      );
    } finally {
      reach.locator.close();
    }
    const failed = steps.all.filter(({ outcome }) => outcome === "failed").length;
    if (options.json) io.out(jsonLine({ address, ok: steps.ok, steps: steps.all }));
    else io.out(steps.ok ? "\nNothing is wrong.\n" : `\n${failed} of ${steps.all.length} steps failed.\n`);
    return steps.ok ? 0 : 1;
  });
}

/** A display name serves as well; what is neither is left to the doctor to complain about. */
function addressOf(table: EndpointTable, typed: string): string {
  try {
    return endpointMeant([...table.all()], typed).sipAddress;
  } catch {
    return typed;
  }
}

function told({ name, outcome, detail, fix, ms }: Step): string {
  const head = `${outcome === "ok" ? "ok    " : "FAILED"}  ${name.padEnd(7)}  ${detail} (${ms} ms)\n`;
  return fix === undefined ? head : `${head}${" ".repeat(17)}${fix}\n`;
}
