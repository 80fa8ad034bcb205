// Texts of which each character is one byte, and their bytes.

/** What Node makes `toString` and `write` of, and does not document. */
interface OfNode {
  latin1Slice?(start: number, end: number): string;
  latin1Write?(text: string, at: number, length: number): number;
}

const { latin1Slice, latin1Write } = Buffer.prototype as OfNode;

/** The text of `bytes` in `[start, end)`. */
export const latin1Text: (bytes: Buffer, start: number, end: number) => string =
  // To find out each time which encoding is meant takes a third of the time that a short text takes in all.
  typeof latin1Slice === "function"
    ? (bytes, start, end) => (bytes as OfNode).latin1Slice!(start, end)
    : (bytes, start, end) => bytes.toString("latin1", start, end);

/** Writes a text into `bytes`, where it has room. */
export const writeLatin1: (bytes: Buffer, text: string, at: number) => void =
  typeof latin1Write === "function"
    ? (bytes, text, at) => (bytes as OfNode).latin1Write!(text, at, text.length)
    : (bytes, text, at) => bytes.write(text, at, text.length, "latin1");
