import { LINE_PLACES, LINES, LINES_END } from "../grammar/places.ts";
import { Header, longForm } from "./header-names.ts";
import type { SipMessage } from "./message.ts";

/** Changes to a head, collected and then written in one pass; what is not named stays byte for byte. */
export class HeadEdit {
  private message!: SipMessage;
  private readonly starts: number[] = [];
  private readonly ends: number[] = [];
  private readonly texts: string[] = [];
  /** How many of the lists' places are in use. */
  private count = 0;

  /** Begins the changes to a message. There is one edit at a time, so that its lists need not be made anew. */
  static of(message: SipMessage): HeadEdit {
    ONLY.message = message;
    ONLY.count = 0;
    return ONLY;
  }

  /** Writes `text` in place of `[start, end)`. Edits at one place keep the order of the calls. */
  replace(start: number, end: number, text: string): void {
    const { starts, ends, texts } = this;
    let at = this.count++;
    for (; at > 0 && starts[at - 1]! > start; at--) {
      starts[at] = starts[at - 1]!;
      ends[at] = ends[at - 1]!;
      texts[at] = texts[at - 1]!;
    }
    starts[at] = start;
    ends[at] = end;
    texts[at] = text;
  }

  insert(at: number, text: string): void {
    this.replace(at, at, text);
  }

  /**
   * What every message that we pass on needs: long header names, which legacy clients demand, and a Content-Length
   * (§18.3, and a client that drops the connection without one).
   */
  normalise(): void {
    const { message } = this;
    if (message.hasCompactNames) {
      for (let i = LINES; i < message.index[LINES_END]!; i += LINE_PLACES) {
        const start = message.index[i + 1]!;
        const next = message.text.charCodeAt(start + 1);
        if (next !== 0x3a && next !== 0x20 && next !== 0x09) continue;
        const name = longForm(message.text[start]!);
        if (name !== undefined) this.replace(start, start + 1, name);
      }
    }
    if (message.find(Header.ContentLength) < 0) {
      this.insert(message.headersEnd, `Content-Length: ${message.bodyLength}\r\n`);
    }
  }

  /** The message with its edited head and its body as it came. */
  toString(): string {
    const { text } = this.message;
    let out = "";
    let at = 0;
    for (let i = 0; i < this.count; i++) {
      // Within what an earlier edit took away there is nothing left to change.
      if (this.starts[i]! < at) continue;
      out += text.slice(at, this.starts[i]) + this.texts[i]!;
      at = this.ends[i]!;
    }
    return out + text.slice(at);
  }
}

const ONLY = new HeadEdit();
