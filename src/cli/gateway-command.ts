import type { Command } from "commander";
import type { Session } from "./session.ts";

const actions = () => import("./gateway-actions.ts");

/** The commands that ask the running gateway. @param finish sets the exit status */
export function declareGatewayCommands(program: Command, session: Session, finish: (status: number) => void): void {
  const registrations = program
    .command("registrations [address]")
    .description(
      "show how each address is registered at the registrar, and why not; exit status 1 when an attempt failed",
    )
    .option("--json", "print one JSON object per address")
    .action(async (address: string | undefined, options) => {
      finish(await (await actions()).showRegistrations(session, address, options));
    });
  registrations
    .command("refresh [address]")
    .description("register now: one address, or all that ask for it")
    .action(async (address: string | undefined) => {
      await (await actions()).refreshRegistrations(session, address, registrations.opts());
    });
  program
    .command("callers [address]")
    .description("show who still uses a legacy address: how often, when last and with what answer")
    .option("--json", "print one JSON object per caller")
    .action(async (address: string | undefined, options) => {
      await (await actions()).showCallers(session, address, options);
    });
}
