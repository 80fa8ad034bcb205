import { WaypostError } from "../../errors.ts";

/**
 * The text of a file as Windows and Unix write them: UTF-8 with or without byte order mark, UTF-16 of either byte
 * order (what PowerShell's `>` and `Out-File` make).
 * @param file its name, for the message
 * @throws WaypostError IMPORT_INVALID when it is none of these
 */
export function decodeText(bytes: Uint8Array, file: string): string {
  const encoding = encodingOf(bytes);
  try {
    // TextDecoder takes the byte order mark away.
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new WaypostError(
      "IMPORT_INVALID",
      `${file}:${lineOfFault(bytes, encoding)}: the file is not ${encoding.toUpperCase()} text; save it as UTF-8`,
      { cause },
    );
  }
}

type Encoding = "utf-8" | "utf-16le" | "utf-16be";

function encodingOf(bytes: Uint8Array): Encoding {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return "utf-16le";
  if (first === 0xfe && second === 0xff) return "utf-16be";
  // Without a mark: every format here begins with an ASCII character, half of which is a zero byte in UTF-16.
  if (first !== 0 && second === 0) return "utf-16le";
  if (first === 0 && second !== 0 && second !== undefined) return "utf-16be";
  return "utf-8";
}

/** The first line that does not decode, so that an umlaut in a code page of old is found. */
function lineOfFault(bytes: Uint8Array, encoding: Encoding): number {
  if (encoding !== "utf-8") return 1;
  let line = 1;
  let start = 0;
  for (let at = bytes.indexOf(0x0a); at >= 0; at = bytes.indexOf(0x0a, start)) {
    try {
      new TextDecoder(encoding, { fatal: true }).decode(bytes.subarray(start, at));
    } catch {
      break;
    }
    line++;
    start = at + 1;
  }
  return line;
}
