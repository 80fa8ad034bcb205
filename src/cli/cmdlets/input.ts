import { decodeText } from "../../endpoints/bulk/decode.ts";
import { WaypostError } from "../../errors.ts";
import type { Io } from "../io.ts";

/** One object that came in by the pipe. */
export interface Piped {
  readonly line: number;
  /** Its properties by lower-case name; empty for a line that was only an address or a name. */
  readonly properties: ReadonlyMap<string, unknown>;
  readonly identity: string | undefined;
  readonly version: number | undefined;
}

/**
 * Reads what is piped in: one JSON object, JSON string or plain identity per line.
 * @returns undefined when nothing is piped in at all
 * @throws WaypostError USAGE with the number of the line that cannot be read
 */
export async function pipedObjects(io: Io): Promise<Piped[] | undefined> {
  const reading = io.piped();
  if (reading === undefined) return undefined;
  const lines = decodeText(await reading, "standard input").split(/\r?\n/);
  return lines.flatMap((line, index) => (line.trim() === "" ? [] : [piped(line.trim(), index + 1)]));
}

function piped(text: string, line: number): Piped {
  const value = /^[{["]/.test(text) ? parsed(text, line) : text;
  if (typeof value === "string") return { line, properties: new Map(), identity: value, version: undefined };
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw unreadable(line);
  const properties = new Map(Object.entries(value).map(([name, content]) => [name.toLowerCase(), content]));
  const identity = properties.get("identity") ?? properties.get("sipaddress");
  const version = properties.get("version");
  return {
    line,
    properties,
    identity: typeof identity === "string" ? identity : undefined,
    version: typeof version === "number" ? version : undefined,
  };
}

function parsed(text: string, line: number): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw unreadable(line, cause);
  }
}

function unreadable(line: number, cause?: unknown): WaypostError {
  return new WaypostError(
    "USAGE",
    `Line ${line} of the standard input is no JSON object. Give one whole object per line, as jq -c prints them.`,
    { cause },
  );
}
