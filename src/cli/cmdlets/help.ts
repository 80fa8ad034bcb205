import type { Cmdlet, Parameter } from "./parameter.ts";

/** What `Get-Help` would print for a cmdlet. */
export function helpText(cmdlet: Cmdlet): string {
  const syntax = wrap([cmdlet.name, ...cmdlet.parameters.map(usage), "[<CommonParameters>]"], 100);
  const parameters = cmdlet.parameters.map((parameter) => {
    const facts = [parameter.required ? "required" : "optional"];
    if (parameter.position !== undefined) facts.push(`position ${parameter.position + 1}`);
    if (parameter.aliases) facts.push(`alias ${parameter.aliases.map((alias) => `-${alias}`).join(" ")}`);
    if (parameter.ours) facts.push("Waypost's own");
    return `    -${parameter.name}${argument(parameter)}  (${facts.join(", ")})\n        ${parameter.help}\n`;
  });
  return [
    section("NAME", [cmdlet.name]),
    section("SYNOPSIS", [cmdlet.synopsis]),
    section("SYNTAX", syntax),
    `PARAMETERS\n${parameters.join("")}    <CommonParameters>\n        -Verbose, -ErrorAction, -WarningAction and the other common parameters are accepted.\n`,
    section("NOTES", [
      ...cmdlet.notes,
      "Parameter names go in any case and may be shortened while they stay unambiguous; -Name:value is the same as",
      "-Name value. Results go to standard output: a list on a terminal, else JSON lines. Messages go to standard",
      "error. Exit status: 0 done, 1 not done.",
    ]),
    section("EXAMPLES", cmdlet.examples),
  ].join("\n");
}

function usage(parameter: Parameter): string {
  const name = parameter.position === undefined ? `-${parameter.name}` : `[-${parameter.name}]`;
  const whole = `${name}${argument(parameter)}`;
  return parameter.required ? whole : `[${whole}]`;
}

function argument(parameter: Parameter): string {
  if (parameter.type === "SwitchParameter") return "";
  return parameter.choices ? ` <${parameter.choices.join(" | ")}>` : ` <${parameter.type}>`;
}

function section(title: string, lines: readonly string[]): string {
  return `${title}\n${lines.map((line) => `    ${line}\n`).join("")}`;
}

function wrap(words: readonly string[], width: number): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines[lines.length - 1];
    if (last !== undefined && last.length + word.length < width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(lines.length === 0 ? word : `    ${word}`);
  }
  return lines;
}
