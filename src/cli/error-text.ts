import { WaypostError } from "../errors.ts";

/** An error as the commands print it: what is wrong, then what to do. */
export function errorText(error: unknown): string {
  if (!(error instanceof WaypostError)) return `waypost: ${error instanceof Error ? error.message : error}\n`;
  // Places stand at the start of their lines, where editors and people look for them.
  const head = error.message.includes("\n") ? "waypost:\n" : "waypost: ";
  return `${head}${withFullStop(error.message)}\n${error.remedy}\n`;
}

/** A sentence with its full stop. A list of places, one per line, is no sentence. */
export function withFullStop(text: string): string {
  return text.includes("\n") || /[.!?:]$/.test(text) ? text : `${text}.`;
}
