import { writeLatin1 } from "../../latin1.ts";
import type { Message } from "../part.ts";
import type { SystemCalls } from "./system-calls.ts";

/** Datagrams that one system call moves at most. */
export const BATCH = 64;

/** Bytes of `struct mmsghdr`, and in it, in 32-bit words, msg_namelen and msg_len. */
const HEADER = 64;
const HEADER_WORDS = HEADER / 4;
const NAME_LENGTH_WORD = 2;
const MESSAGE_LENGTH_WORD = 14;
/** Bytes of `struct iovec`, and in it, in 32-bit words, iov_len. */
const VECTOR = 16;
const VECTOR_WORDS = VECTOR / 4;
const LENGTH_WORD = 2;
/** Room for one socket address. */
const NAME = 32;
/** Room for the longest datagram, and a little more so that the slots do not all fall on the same lines of the cache. */
const MAX_DATAGRAM = 65_536;
const SLOT = MAX_DATAGRAM + 704;

/**
 * What recvmmsg(2) and sendmmsg(2) work on: an array of message headers, each with room for an address and a datagram.
 * The pointers in it are written once; for each message only lengths and bytes change. Memory that no datagram has
 * reached is never touched, so it costs address space only.
 */
export class MessageBatch {
  /** The array of `struct mmsghdr`. */
  readonly headers = Buffer.alloc(BATCH * HEADER);
  readonly names = Buffer.alloc(BATCH * NAME);
  readonly bytes = Buffer.allocUnsafeSlow(BATCH * SLOT);
  readonly #vectors = Buffer.alloc(BATCH * VECTOR);
  readonly #headerWords = words(this.headers);
  readonly #vectorWords = words(this.#vectors);

  /** @param nameLength bytes of a socket address */
  constructor(calls: SystemCalls, nameLength: number) {
    const names = calls.addressOf(this.names);
    const vectors = calls.addressOf(this.#vectors);
    const bytes = calls.addressOf(this.bytes);
    for (let i = 0; i < BATCH; i++) {
      this.headers.writeBigUInt64LE(names + BigInt(i * NAME), i * HEADER);
      this.headers.writeBigUInt64LE(vectors + BigInt(i * VECTOR), i * HEADER + 16);
      this.headers.writeBigUInt64LE(1n, i * HEADER + 24);
      this.#vectors.writeBigUInt64LE(bytes + BigInt(i * SLOT), i * VECTOR);
      this.#vectorWords[i * VECTOR_WORDS + LENGTH_WORD] = MAX_DATAGRAM;
      this.#headerWords[i * HEADER_WORDS + NAME_LENGTH_WORD] = nameLength;
    }
  }

  /** Where the socket address of message `i` is in `names`. */
  nameAt(i: number): number {
    return i * NAME;
  }

  /** Message `i`, which recvmmsg(2) has filled in; good until the next call of it. */
  received(i: number): Buffer {
    const start = i * SLOT;
    return this.bytes.subarray(start, start + this.#headerWords[i * HEADER_WORDS + MESSAGE_LENGTH_WORD]!);
  }

  /** Puts a datagram of at most 64 kB into message `i`. */
  put(i: number, datagram: Message): void {
    if (typeof datagram === "string") writeLatin1(this.bytes, datagram, i * SLOT);
    else this.bytes.set(datagram, i * SLOT);
    this.#vectorWords[i * VECTOR_WORDS + LENGTH_WORD] = datagram.length;
  }

  /** The bytes of message `i` as `put` left them; good until the next `put`. */
  stored(i: number): Buffer {
    return this.bytes.subarray(i * SLOT, i * SLOT + this.#vectorWords[i * VECTOR_WORDS + LENGTH_WORD]!);
  }

  /** The headers from message `i` on. */
  headersFrom(i: number): Buffer {
    return i === 0 ? this.headers : this.headers.subarray(i * HEADER);
  }
}

function words(buffer: Buffer): Uint32Array {
  return new Uint32Array(buffer.buffer, buffer.byteOffset, buffer.length / 4);
}
