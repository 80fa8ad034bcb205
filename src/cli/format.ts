/** Columns aligned to their widest cell, two blanks apart, without trailing blanks. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((cell, column) => {
    return rows.reduce((width, row) => Math.max(width, row[column]?.length ?? 0), cell.length);
  });
  return [head, ...rows]
    .map((row) => `${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")}`.trimEnd())
    .map((line) => `${line}\n`)
    .join("");
}

/** PowerShell's list format: one `Name : value` per line, the colons in one column. */
export function list(properties: Readonly<Record<string, unknown>>): string {
  const width = Math.max(...Object.keys(properties).map((name) => name.length));
  return Object.entries(properties)
    .map(([name, value]) => `${name.padEnd(width)} : ${shown(value)}`.trimEnd())
    .map((line) => `${line}\n`)
    .join("");
}

/** One JSON object per line. */
export function jsonLine(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}

/** A value as people read it in a list: nothing for null, PowerShell's True and False. */
export function shown(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "boolean") return value ? "True" : "False";
  return String(value);
}

/** How long ago a time was, as people say it. @param at ISO 8601 */
export function ageText(at: string): string {
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(at)) / 1000));
  if (seconds < 120) return `${seconds} s ago`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min ago`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h ago` : `${Math.round(seconds / 86_400)} days ago`;
}
