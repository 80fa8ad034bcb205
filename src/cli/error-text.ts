import { WaypostError } from "../errors.ts";
import { jsonLine } from "./format.ts";

/** An error as the commands print it: what is wrong, then what to do. */
export function errorText(error: unknown): string {
  if (!(error instanceof WaypostError)) return `waypost: ${error instanceof Error ? error.message : error}\n`;
  // Places stand at the start of their lines, where editors and people look for them.
  const head = error.message.includes("\n") ? "waypost:\n" : "waypost: ";
  return `${head}${withFullStop(error.message)}\n${error.remedy}\n`;
}

/** The same for programs: one JSON object with the code of docs/errors.md. */
export function errorJson(error: unknown): string {
  if (!(error instanceof WaypostError))
    return jsonLine({ error: { message: String((error as Error)?.message ?? error) } });
  const { code, message, remedy } = error;
  return jsonLine({ error: { code, message, remedy } });
}

/** A sentence with its full stop. A list of places, one per line, is no sentence. */
export function withFullStop(text: string): string {
  return text.includes("\n") || /[.!?:]$/.test(text) ? text : `${text}.`;
}
