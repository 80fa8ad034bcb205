import { type Command, Option } from "commander";
import type { Session } from "./session.ts";
import { wholeNumber } from "./settings.ts";

const actions = () => import("./pools-actions.ts");

/** `waypost pools …`: the servers behind the pools' names. @param finish sets the exit status */
export function declarePoolsCommands(program: Command, session: Session, finish: (status: number) => void): void {
  const pools = program
    .command("pools")
    .description(
      "show each address of the pools, how it is and why, at each gateway; exit status 1 with one in trouble",
    )
    .option("--json", "print a JSON object")
    .action(async (options) => finish(await (await actions()).showPools(session, options)));
  for (const [name, drained, help] of [
    ["drain", true, "take an address out of service on every gateway: new calls go elsewhere, those it has go on"],
    ["resume", false, "take a drained address back into service"],
  ] as const) {
    pools
      .command(`${name} <place>`)
      .description(`${help}; [transport:]ip[:port], what is left out is all`)
      .option("--reason <text>", "why, for everybody who looks")
      .addOption(
        new Option("--wait [seconds]", "return when every live gateway knows it (default 30 seconds)").argParser(
          (text) => wholeNumber(text, 1, 3600, "--wait"),
        ),
      )
      .action(async (place: string, options) => {
        const all = { ...options, ...pools.opts() };
        finish(await (await actions()).changeDrain(session, place, drained, all));
      });
  }
}
