import { type Command, Option } from "commander";
import { wholeNumber } from "./settings.ts";

/** The options that every command which changes the table takes; see ChangeOptions. */
export function changeOptions(command: Command, json = "print one JSON object per changed endpoint"): Command {
  return command
    .option("--reason <text>", "why, for the history of the table")
    .option("--dry-run", "check everything and show what would change, and change nothing; also --what-if")
    .addOption(new Option("--what-if").hideHelp())
    .option("--force", "even when the pool does not answer or is a gateway; needs --reason")
    .addOption(
      new Option("--wait [seconds]", "return when every live gateway runs the change (default 30 seconds)").argParser(
        (text) => wholeNumber(text, 1, 3600, "--wait"),
      ),
    )
    .option("--json", json);
}
