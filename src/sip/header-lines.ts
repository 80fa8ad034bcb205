import { skipToken } from "./chars.ts";
import { HEADER_IDS, Header, headerId } from "./header-names.ts";
import { octetWords } from "./octets.ts";

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

const NUL = 0;
const TAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 32;
const COLON = 58;
const BACKSLASH = 92;

/**
 * Cuts a head into its lines (§7.1, §7.3.1), by its bytes. It is used again for each head, since what it finds is taken
 * out at once.
 */
export class HeaderLines {
  /** What is wrong with a line, or "". */
  problem = "";
  /** True when some header has a one-letter name (§7.3.3). */
  hasCompactNames = false;
  /** Where the CRLF of the start line stands. */
  startEnd = 0;
  /** Where the empty line begins, just behind the CRLF of the last header. */
  headersEnd = 0;
  private readonly scratch: number[] = new Array<number>(FIRST_LINE).fill(-1);
  private used = FIRST_LINE;
  /** Where a line begins, for each but the first. */
  private readonly lines: number[] = [];
  private hasStray = false;

  /** FIRST_LINE numbers, then INDEX_STRIDE numbers per header line in the order of the lines. */
  get index(): number[] {
    return this.scratch.slice(0, this.used);
  }

  /**
   * Reads the head of a message.
   * @param bytes those of `text`, from `octets`
   * @returns false where no empty line ends it
   */
  read(text: string, bytes: Uint8Array): boolean {
    if (!this.findLines(bytes, text.length)) return false;
    this.problem = this.hasStray ? STRAY : "";
    this.readHeaders(text, bytes);
    return true;
  }

  /** Finds where lines begin, up to the first empty one. A bare LF begins one too, for whoever is to be told what is wrong. */
  private findLines(bytes: Uint8Array, length: number): boolean {
    const { lines } = this;
    const words = octetWords();
    const wordCount = (length + 3) >> 2;
    let count = 0;
    let startEnd = -1;
    this.hasStray = false;
    for (let word = 0; word < wordCount; word++) {
      // Whether any of the four bytes is a control character.
      const four = words[word]!;
      if (((four - 0x20202020) & ~four & 0x80808080) === 0) continue;
      for (let at = word << 2; at < (word << 2) + 4; at++) {
        const c = bytes[at]!;
        if (c >= SPACE || c === TAB || at >= length) continue;
        if (c === LF) {
          if (at === 0 || bytes[at - 1] !== CR) this.hasStray = true;
          else if (startEnd < 0) startEnd = at - 1;
          else if (bytes[at - 2] === LF && bytes[at - 3] === CR) {
            this.startEnd = startEnd;
            this.headersEnd = at - 1;
            return true;
          }
          if (startEnd >= 0) lines[count++] = at + 1;
        } else if (c === CR) {
          if (bytes[at + 1] !== LF) this.hasStray = true;
        } else if (c === NUL && (startEnd < 0 || bytes[at - 1] !== BACKSLASH)) this.hasStray = true;
      }
    }
    return false;
  }

  private readHeaders(text: string, bytes: Uint8Array): void {
    const { scratch, lines, headersEnd } = this;
    for (let id = 0; id < FIRST_LINE; id++) scratch[id] = -1;
    let used = FIRST_LINE;
    this.hasCompactNames = false;
    let line = 0;
    for (let p = this.startEnd + 2; p < headersEnd; ) {
      let next = lines[++line]!;
      // Lines that are folded (§7.3.1) are one.
      while (bytes[next] === SPACE || bytes[next] === TAB) next = lines[++line]!;
      const nameEnd = skipToken(bytes, p, headersEnd);
      let i = nameEnd;
      // `To :` is allowed (§25.1 HCOLON), a fold before the colon is not.
      while (bytes[i] === SPACE || bytes[i] === TAB) i++;
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
}

/** What is wrong with a head that holds such a thing. The next server might end a line there. */
const STRAY = "a header holds NUL, or a CR or LF that ends no line";
