import { withoutZone, zoneOf } from "../../address.ts";
import { AF_INET, AF_INET6, type SystemCalls } from "./system-calls.ts";

/** Bytes of a `struct sockaddr_in` and of a `struct sockaddr_in6`. */
export const LENGTH = { 4: 16, 6: 28 } as const;
/** Addresses whose text is remembered; when there are more, all are forgotten. */
const MAX_REMEMBERED = 10_000;

/**
 * Reads and writes the kernel's form of a socket address. Peers come again and again, so the text of each address is
 * made once and its binary form looked up.
 */
export class SocketAddresses {
  readonly #calls: SystemCalls;
  readonly #family: 4 | 6;
  /** By the address as a number (IPv4), or as the latin1 text of address and scope (IPv6). */
  readonly #texts = new Map<number | string, string>();
  readonly #binaries = new Map<string, Buffer>();

  constructor(calls: SystemCalls, family: 4 | 6) {
    this.#calls = calls;
    this.#family = family;
  }

  /** The IP literal of the socket address at `at`, with its zone if it has one. */
  textAt(bytes: Buffer, at: number): string {
    const key = this.#family === 4 ? ipv4At(bytes, at + 4) : bytes.toString("latin1", at + 8, at + 28);
    const known = this.#texts.get(key);
    if (known !== undefined) return known;
    if (this.#texts.size >= MAX_REMEMBERED) this.#texts.clear();
    const text = this.#family === 4 ? bytes.subarray(at + 4, at + 8).join(".") : this.#text6(bytes, at);
    this.#texts.set(key, text);
    return text;
  }

  portAt(bytes: Buffer, at: number): number {
    return bytes[at + 2]! * 256 + bytes[at + 3]!;
  }

  /** Writes the socket address of an IP literal at `at`. @returns false when it is none of this family */
  write(bytes: Buffer, at: number, address: string, port: number): boolean {
    const binary = this.#binaries.get(address) ?? this.#binary(address);
    if (binary === undefined) return false;
    // For so few bytes a call of set() would take longer than the copying.
    for (let i = 0; i < binary.length; i++) bytes[at + i] = binary[i]!;
    bytes[at + 2] = port >>> 8;
    bytes[at + 3] = port & 255;
    return true;
  }

  #text6(bytes: Buffer, at: number): string {
    const out = Buffer.alloc(46);
    const text = this.#calls.inet_ntop(AF_INET6, bytes.subarray(at + 8, at + 24), out, out.length)!;
    const scope = bytes.readUInt32LE(at + 24);
    return scope === 0 ? text : `${text}%${this.#calls.if_indextoname(scope, Buffer.alloc(16)) ?? scope}`;
  }

  #binary(address: string): Buffer | undefined {
    const family = this.#family === 4 ? AF_INET : AF_INET6;
    const ip = Buffer.alloc(16);
    if (this.#calls.inet_pton(family, withoutZone(address), ip) !== 1) return undefined;
    const binary = Buffer.alloc(LENGTH[this.#family]);
    binary.writeUInt16LE(family);
    if (this.#family === 4) ip.copy(binary, 4, 0, 4);
    else {
      ip.copy(binary, 8);
      const zone = zoneOf(address).slice(1);
      if (zone !== "") binary.writeUInt32LE(this.#calls.if_nametoindex(zone) || Number(zone) || 0, 24);
    }
    if (this.#binaries.size >= MAX_REMEMBERED) this.#binaries.clear();
    this.#binaries.set(address, binary);
    return binary;
  }
}

function ipv4At(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}
