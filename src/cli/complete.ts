import type { Command, Option } from "commander";

/** What a shell is told when the name of a file may follow. */
const FILES = [":files"];
const SHELLS = ["bash", "zsh", "fish"];

/**
 * What may stand in place of the last of some words behind `waypost`, for a shell's completion.
 * @param words as typed so far; the last one is begun, or empty
 * @param addresses the addresses of the table, asked for only where one may follow
 */
export async function completions(
  program: Command,
  words: readonly string[],
  addresses: () => Promise<readonly string[]>,
): Promise<readonly string[]> {
  const begun = words.at(-1) ?? "";
  const { command, values, open } = read(program, words.slice(0, -1));
  const all = open === undefined ? await following(command, values, begun, addresses) : valuesOf(open);
  return all === FILES ? FILES : all.filter((word) => word.startsWith(begun));
}

/** Finds the command among the words, how many values stand behind it, and the option that still wants its value. */
function read(program: Command, words: readonly string[]): { command: Command; values: number; open?: Option } {
  let command = program;
  let values = 0;
  let open: Option | undefined;
  for (const word of words) {
    if (open !== undefined) open = undefined;
    else if (word.startsWith("-")) {
      const option = optionsOf(command).find(({ long, short }) => word === long || word === short);
      if (option?.required) open = option;
    } else {
      const next = command.commands.find((one) => one.name() === word);
      if (next === undefined) values++;
      else command = next;
    }
  }
  return open === undefined ? { command, values } : { command, values, open };
}

async function following(
  command: Command,
  values: number,
  begun: string,
  addresses: () => Promise<readonly string[]>,
): Promise<readonly string[]> {
  if (begun.startsWith("-")) return [...optionsOf(command).flatMap(({ long }) => long ?? []), "--help"];
  if (command.commands.length > 0) {
    const names = command
      .createHelp()
      .visibleCommands(command)
      .map((one) => one.name());
    // Where an address may stand in place of a command.
    return command.registeredArguments[values]?.name() === "address" ? [...names, ...(await addresses())] : names;
  }
  const last = command.registeredArguments.at(-1);
  const argument = command.registeredArguments[values] ?? (last?.variadic ? last : undefined);
  switch (argument?.name()) {
    case "address":
      return command.name() === "add" ? [] : addresses();
    case "file":
      return FILES;
    case "shell":
      return SHELLS;
    default:
      return [];
  }
}

/** What an option takes: the choices in its description, such as `<proxy|redirect>`, or a file. */
function valuesOf({ long, flags }: Option): readonly string[] {
  if (long === "--config") return FILES;
  const choices = /[<[]([^>\]]*\|[^>\]]*)[>\]]/.exec(flags)?.[1];
  return choices?.split("|") ?? [];
}

function optionsOf(command: Command): readonly Option[] {
  const own = command.options.filter(({ hidden }) => !hidden);
  return command.parent === null
    ? own
    : [...own, ...optionsOf(command.parent).filter(({ long }) => long !== "--version")];
}
