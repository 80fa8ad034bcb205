import { isTokenChar } from "./chars.ts";
import { Header, headerId } from "./header-names.ts";

/** Numbers that the index of a head holds per header line: id, start of the line, start and end of the value. */
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
const LF = 10;
const CR = 13;
const SPACE = 32;
const COLON = 58;
const BACKSLASH = 92;

/**
 * Cuts a head into its header lines (§7.3.1), in one pass over the bytes: each is looked at once, and reading a byte of
 * a buffer costs a fraction of reading a character of a string. It is used again for each head, since what it finds is
 * taken out at once.
 */
export class HeaderLines {
  /** What is wrong with a line, or "". */
  problem = "";
  /** True when some header has a one-letter name (§7.3.3). */
  hasCompactNames = false;
  /** Index position of the Content-Length, or -1. */
  contentLengthAt = -1;
  private readonly scratch: number[] = [];
  private used = 0;

  /** INDEX_STRIDE numbers per header line, in the order of the lines. */
  get index(): number[] {
    return this.scratch.slice(0, this.used);
  }

  /**
   * Reads the lines that begin at `start`.
   * @param end where the empty line begins, just behind the CRLF of the last header
   */
  read(bytes: Buffer, start: number, end: number): void {
    const { scratch } = this;
    let used = 0;
    let seen = 0;
    this.problem = "";
    this.hasCompactNames = false;
    this.contentLengthAt = -1;
    for (let p = start; p < end; ) {
      let i = p;
      while (isTokenChar(bytes[i]!)) i++;
      const nameEnd = i;
      // `To :` is allowed (§25.1 HCOLON), a fold before the colon is not.
      while (bytes[i] === SPACE || bytes[i] === TAB) i++;
      const named = nameEnd > p && bytes[i] === COLON;
      const next = this.endOfLine(bytes, i);
      if (!named) {
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
      const bit = 1 << id;
      if ((bit & SINGLE) !== 0) {
        if ((seen & bit) !== 0) this.problem ||= `header ${bytes.toString("latin1", p, nameEnd)} stands twice`;
        seen |= bit;
        if (id === Header.ContentLength) this.contentLengthAt = used;
      }
      scratch[used] = id;
      scratch[used + 1] = p;
      scratch[used + 2] = valueStart;
      scratch[used + 3] = valueEnd;
      used += INDEX_STRIDE;
      p = next;
    }
    this.used = used;
  }

  /** Where the line after this one begins; lines that are folded (§7.3.1) are one. */
  private endOfLine(bytes: Buffer, i: number): number {
    for (;;) {
      let c = bytes[i]!;
      while (c > CR) c = bytes[++i]!;
      if (c === LF) {
        const bare = bytes[i - 1] !== CR;
        if (bare) this.problem ||= STRAY;
        const next = bytes[i + 1];
        if (next !== SPACE && next !== TAB) return i + 1;
      } else if (c === CR) {
        // A bare LF or CR is harmless to us, but the next server might end a line there.
        if (bytes[i + 1] !== LF) this.problem ||= STRAY;
      } else if (c === 0 && bytes[i - 1] !== BACKSLASH) {
        // Escaped in a quoted string it is allowed (§25.1 quoted-pair).
        this.problem ||= STRAY;
      }
      i++;
    }
  }
}

/** What is wrong with a line that holds such a thing. */
export const STRAY = "a header holds NUL, or a CR or LF that ends no line";

/** Whether a start line, which ends with the CRLF at `end`, holds what could end a line elsewhere. */
export function hasStray(head: string, end: number): boolean {
  if (head.indexOf("\n") !== end + 1 || head.indexOf("\r") !== end) return true;
  const nul = head.indexOf("\0");
  return nul >= 0 && nul < end;
}
