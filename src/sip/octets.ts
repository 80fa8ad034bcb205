// The one message that is being read, as bytes: to read a character of a text takes a few times as long as to read a
// byte, and a search can go through four bytes at a time.

let words = new Int32Array(16_384);
let held = Buffer.from(words.buffer);
/** The text whose bytes are held. */
let heldText = "";

/** The latin1 text of a message, one character per byte. Its bytes are held for `octets`. */
export function textOf(bytes: Buffer): string {
  makeRoom(bytes.length);
  held.set(bytes);
  heldText = bytes.toString("latin1");
  return heldText;
}

/** The bytes of a latin1 text, with others behind them; good until the next call with another text. */
export function octets(text: string): Uint8Array {
  if (text !== heldText) {
    makeRoom(text.length);
    held.write(text, 0, text.length, "latin1");
    heldText = text;
  }
  return held;
}

/** What `octets` gave last, four bytes to a number, in the order that the machine has them in. */
export function octetWords(): Int32Array {
  return words;
}

function makeRoom(length: number): void {
  if (length <= held.length) return;
  words = new Int32Array(length);
  held = Buffer.from(words.buffer);
}
