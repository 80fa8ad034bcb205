import { deserialize, serialize } from "node:v8";
import { LENGTH, LengthFrames } from "./length-frames.ts";

/** Messages on the Unix socket between a process that serves and the store of its host: structured data in frames. */

export function encodeStoreMessage(message: unknown): Buffer {
  const bytes = serialize(message);
  const frame = Buffer.allocUnsafe(LENGTH + bytes.length);
  frame.writeUInt32LE(bytes.length, 0);
  bytes.copy(frame, LENGTH);
  return frame;
}

/** @param take gets each message that arrives */
export function storeMessageReader(take: (message: unknown) => void): LengthFrames {
  return new LengthFrames((frame) => take(deserialize(frame)));
}
