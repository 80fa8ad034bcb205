import type { Command } from "commander";

/** The manual page waypost(1) in roff, made from the same declarations as `--help`. */
export function manPage(program: Command, version: string): string {
  const out = [
    `.TH WAYPOST 1 "" "waypost ${version}" "Waypost"`,
    ".SH NAME",
    `waypost \\- ${roff(program.description())}`,
    ".SH SYNOPSIS",
    ".B waypost",
    "[\\fIoptions\\fR] \\fIcommand\\fR [\\fIarguments\\fR]",
    ".SH OPTIONS",
    ...optionsOf(program),
    ".SH COMMANDS",
    ...program.commands.flatMap((command) => commandPage(command, program.name())),
    ".SH FILES",
    ".TP",
    ".I /etc/waypost/waypost.yaml",
    "the configuration where neither \\-\\-config nor WAYPOST_CONFIG names one and the folder has no config/waypost.yaml;",
    "every key is explained in",
    ".I config/waypost.yaml",
    "of the package.",
    ".SH ENVIRONMENT",
    ".TP",
    ".B WAYPOST_CONFIG",
    "the configuration file, where \\-\\-config is not given.",
    ".TP",
    ".B WAYPOST_\\fIKEY\\fB__\\fIKEY\\fR",
    "a setting that stands above the same one of the file: a text as it is, else YAML.",
    ".SH SIGNALS",
    "SIGHUP: read certificates, keys, secrets and the registrar's settings again. SIGTERM and SIGINT: finish what is under way, for at most",
    "drain.seconds, and end; a second one ends at once.",
    ".SH EXIT STATUS",
    "0 done; 1 not done, or something is wrong; 2 done, but with \\-\\-wait not in force on every gateway in time.",
  ];
  return `${out.join("\n")}\n`;
}

function commandPage(command: Command, parent: string): string[] {
  if (isHidden(command)) return [];
  const name = `${parent} ${command.name()}`;
  const inner = command.commands.flatMap((each) => commandPage(each, name));
  const args = command.registeredArguments.map((argument) => {
    const dots = argument.variadic ? "..." : "";
    return argument.required ? `<${argument.name()}${dots}>` : `[${argument.name()}${dots}]`;
  });
  const head = [`.SS ${roff([name, ...args].join(" "))}`, roff(command.description()), ...optionsOf(command)];
  return [...head, ...inner];
}

function optionsOf(command: Command): string[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .filter(({ long }) => long !== "--help")
    .flatMap(({ flags, description, defaultValue, argChoices }) => {
      const choices = argChoices === undefined ? "" : ` (${argChoices.join(", ")})`;
      const standard =
        defaultValue === undefined || defaultValue === false ? "" : ` (default: ${String(defaultValue)})`;
      return [".TP", `.B ${roff(flags)}`, roff(`${description}${choices}${standard}`)];
    });
}

function isHidden(command: Command): boolean {
  return command.parent !== null && !command.parent.createHelp().visibleCommands(command.parent).includes(command);
}

/** Text that roff prints as it stands. */
function roff(text: string): string {
  const escaped = text.replaceAll("\\", "\\e").replaceAll("-", "\\-");
  return escaped.replace(/^([.'])/gm, "\\&$1");
}
