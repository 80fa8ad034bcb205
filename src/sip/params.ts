import { holdsAt, skipLws, skipQuoted, skipToken, skipValue } from "./chars.ts";

const NO_BYTES = new Uint8Array(0);

/**
 * Walks the `;name=value` parameters of one header value (generic-param, RFC 3261 §25.1) without making an object
 * for each: `next()` moves on, and the getters speak of the parameter it stands at. It stops at the end of the text
 * or at a comma, the start of the next value of a list.
 */
export class ParamWalker {
  /** True once a malformed parameter was met; the walk ends there. */
  malformed = false;
  /** Where the walk stands; after the last parameter, where the value ends. */
  position = 0;
  nameEnd = 0;
  private text = "";
  private bytes: Uint8Array = NO_BYTES;
  private end = 0;
  private nameStart = 0;
  private valueStart = 0;
  private valueEnd = 0;

  /**
   * Begins a walk. There is one walker, so one walk at a time.
   * @param bytes the same as `text`
   * @param start position of the first `;`, or of white space before it
   */
  static over(text: string, bytes: Uint8Array, start: number, end: number): ParamWalker {
    ONLY.text = text;
    ONLY.bytes = bytes;
    ONLY.position = start;
    ONLY.end = end;
    ONLY.malformed = false;
    return ONLY;
  }

  /** Moves to the next parameter. @returns false at the end, or when the next one is malformed */
  next(): boolean {
    const { bytes, end } = this;
    let i = skipLws(bytes, this.position, end);
    this.position = i;
    if (i >= end || bytes[i] === 0x2c) return false;
    if (bytes[i] !== 0x3b) return this.fail();
    this.nameStart = skipLws(bytes, i + 1, end);
    i = this.nameEnd = skipToken(bytes, this.nameStart, end);
    if (i === this.nameStart) return this.fail();
    const afterName = skipLws(bytes, i, end);
    this.valueStart = this.valueEnd = i;
    if (afterName < end && bytes[afterName] === 0x3d) {
      i = this.valueStart = skipLws(bytes, afterName + 1, end);
      if (i < end && bytes[i] === 0x22) i = skipQuoted(bytes, i, end);
      // Wider than the grammar's token: hosts, IPv6 literals and Microsoft's values stand here too.
      else i = skipValue(bytes, i, end);
      if (i <= this.valueStart) return this.fail();
      this.valueEnd = i;
    }
    this.position = i;
    return true;
  }

  /** True where the name is `lower`, in any case. */
  is(lower: string): boolean {
    return this.nameEnd - this.nameStart === lower.length && holdsAt(this.bytes, this.nameStart, lower);
  }

  get hasValue(): boolean {
    return this.valueEnd > this.valueStart;
  }

  /** The value as written; the empty string where there is none. */
  get value(): string {
    return this.text.slice(this.valueStart, this.valueEnd);
  }

  private fail(): boolean {
    this.malformed = true;
    return false;
  }
}

const ONLY = new ParamWalker();
