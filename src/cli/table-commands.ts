import { type Command, Option } from "commander";
import { changeOptions } from "./change-options.ts";
import type { Session } from "./session.ts";
import { oneOf, wholeNumber } from "./settings.ts";

const FORMATS = ["csv", "json", "yaml"] as const;

/** The commands about the table as a whole. @param finish sets the exit status */
export function declareTableCommands(program: Command, session: Session, finish: (status: number) => void): void {
  program
    .command("status")
    .description("show the store, the table, and what each gateway runs; exit status 1 when something is wrong")
    .option("--json", "print a JSON object")
    .action(async (options) => finish(await (await import("./status.ts")).runStatus(session, options)));

  program
    .command("history [address]")
    .description("show who changed what, when and why, the newest first; with an address only its changes")
    .addOption(
      new Option("--limit <number>", "show at most so many changes").default(20).argParser((text) => {
        return wholeNumber(text, 1, 1_000_000, "--limit");
      }),
    )
    .option("--verify", "check that no change on record was altered or taken out; exit status 1 when one was")
    .option("--json", "print one JSON object per change")
    .action(async (address: string | undefined, options) => {
      const { showHistory, verifyHistory } = await import("./history-actions.ts");
      if (options.verify) finish(await verifyHistory(session, options));
      else await showHistory(session, address, options);
    });

  program
    .command("diff <from> <to>")
    .description("show what turns the table of one revision into that of another")
    .option("--json", "print one JSON object per changed endpoint")
    .action(async (from: string, to: string, options) => {
      const { showDifference } = await import("./history-actions.ts");
      await showDifference(session, revision(from), revision(to), options);
    });

  const undo = program
    .command("undo <revision>")
    .description("take back what one revision changed, all of it or nothing");
  changeOptions(undo).action(async (number: string, options) => {
    await (await import("./history-actions.ts")).undo(session, revision(number), options);
  });

  const load = program
    .command("import <file>")
    .description("add and change endpoints as a file says (- is standard input), all of them or none")
    .addOption(formatOption())
    .option("--replace", "remove the endpoints that the file does not have");
  changeOptions(load).action(async (file: string, options) => {
    await (await import("./bulk-actions.ts")).importFile(session, file, options);
  });

  program
    .command("export [file]")
    .description("write the settings of all endpoints to a file, or to standard output")
    .addOption(formatOption())
    .action(async (file: string | undefined, options) => {
      await (await import("./bulk-actions.ts")).exportTable(session, file, options);
    });

  const table = program
    .command("table")
    .description("say what shall count when the stored table looks like a loss (`waypost status` tells)");
  for (const [name, help] of [
    ["accept", "take what is stored now, and drop what is missing in it"],
    ["restore", "bring the last good table of this machine back into the store"],
  ] as const) {
    table
      .command(name)
      .description(help)
      .option("--reason <text>", "why, for the history of the table")
      .option("--json", "print one JSON object per changed endpoint")
      .action(async (options) => (await import("./settle.ts")).settle(session, name, options));
  }
}

function formatOption(): Option {
  const help = "what the file is written in (default: by its name, else by its content, else csv)";
  return new Option("--format <csv|json|yaml>", help).argParser((text) => oneOf(FORMATS, text, "--format"));
}

function revision(text: string): number {
  return wholeNumber(text, 0, Number.MAX_SAFE_INTEGER, "a revision");
}
