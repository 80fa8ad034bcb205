import { skipToken } from "./chars.ts";
import { HEADER_IDS, Header, headerId } from "./header-names.ts";

/** The index of a head begins with so many numbers: for each header id the place of its first line in the index, or -1. */
export const FIRST_LINE: number = HEADER_IDS;
/** Numbers that the index holds per header line: id, start of the line, start and end of the value. */
export const INDEX_STRIDE = 4;

/** Headers that may stand only once (RFC 3261 §7.3.1), as bits; two of them could be read two ways by two servers. */
const SINGLE =
  (1 << Header.From) |
  (1 << Header.To) |
  (1 << Header.CallId) |
  (1 << Header.CSeq) |
  (1 << Header.MaxForwards) |
  (1 << Header.ContentLength);

const TAB = 9;
const SPACE = 32;
const COLON = 58;

/**
 * Cuts a head into its header lines (§7.3.1). Where a line ends is found with the engine's own search through the text,
 * which looks at many characters at once; the few characters of a name are read from the bytes, where reading one costs
 * a fraction of what it costs in a text. It is used again for each head, since what it finds is taken out at once.
 */
export class HeaderLines {
  /** What is wrong with a line, or "". */
  problem = "";
  /** True when some header has a one-letter name (§7.3.3). */
  hasCompactNames = false;
  private readonly scratch: number[] = new Array<number>(FIRST_LINE).fill(-1);
  private used = FIRST_LINE;

  /** FIRST_LINE numbers, then INDEX_STRIDE numbers per header line in the order of the lines. */
  get index(): number[] {
    return this.scratch.slice(0, this.used);
  }

  /**
   * Reads the lines that begin at `start`.
   * @param text the head, latin1, and perhaps more; `bytes` are the same
   * @param end where the empty line begins, just behind the CRLF of the last header
   */
  read(text: string, bytes: Uint8Array, start: number, end: number): void {
    const { scratch } = this;
    for (let id = 0; id < FIRST_LINE; id++) scratch[id] = -1;
    let used = FIRST_LINE;
    this.problem = "";
    this.hasCompactNames = false;
    for (let p = start; p < end; ) {
      const nameEnd = skipToken(bytes, p, end);
      let i = nameEnd;
      // `To :` is allowed (§25.1 HCOLON), a fold before the colon is not.
      while (bytes[i] === SPACE || bytes[i] === TAB) i++;
      const next = this.endOfLine(text, bytes, p);
      if (nameEnd === p || bytes[i] !== COLON) {
        this.problem ||= "a header line has no name and colon";
        p = next;
        continue;
      }
      const id = headerId(bytes, p, nameEnd);
      if (nameEnd - p === 1) this.hasCompactNames = true;
      let valueStart = i + 1;
      let valueEnd = next - 2;
      while (valueStart < valueEnd && bytes[valueStart]! <= SPACE) valueStart++;
      while (valueEnd > valueStart && bytes[valueEnd - 1]! <= SPACE) valueEnd--;
      if (scratch[id]! < 0) scratch[id] = used;
      else if (((1 << id) & SINGLE) !== 0) this.problem ||= `header ${text.slice(p, nameEnd)} stands twice`;
      scratch[used] = id;
      scratch[used + 1] = p;
      scratch[used + 2] = valueStart;
      scratch[used + 3] = valueEnd;
      used += INDEX_STRIDE;
      p = next;
    }
    this.used = used;
  }

  /** Where the line after the one at `p` begins; lines that are folded (§7.3.1) are one. */
  private endOfLine(text: string, bytes: Uint8Array, p: number): number {
    for (;;) {
      const lf = text.indexOf("\n", p);
      // A bare LF or CR is harmless to us, but the next server might end a line there.
      if (text.indexOf("\r", p) !== lf - 1) this.problem ||= STRAY;
      p = lf + 1;
      if (bytes[p] !== SPACE && bytes[p] !== TAB) return p;
    }
  }
}

/** What is wrong with a head that holds such a thing. */
export const STRAY = "a header holds NUL, or a CR or LF that ends no line";

/** Whether the head holds NUL anywhere but escaped in a header (§25.1 quoted-pair), or its start line, up to `startEnd`, a CR or LF. */
export function hasStray(text: string, startEnd: number, headersEnd: number): boolean {
  if (text.indexOf("\n") !== startEnd + 1) return true;
  for (let nul = text.indexOf("\0"); nul >= 0 && nul < headersEnd; nul = text.indexOf("\0", nul + 1)) {
    if (nul < startEnd || text[nul - 1] !== "\\") return true;
  }
  return false;
}
