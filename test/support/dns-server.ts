import { createSocket, type Socket } from "node:dgram";
import { EventEmitter, once } from "node:events";

/** What the server does with queries for a name. Without `fault` it answers with the records of the type asked for. */
export interface DnsEntry {
  readonly a?: readonly string[];
  readonly aaaa?: readonly string[];
  /** Seconds; default 60. */
  readonly ttl?: number;
  readonly fault?: "silence" | "silence-aaaa" | "silence-once" | "servfail" | "wrong-id";
}

const TYPES: Readonly<Record<number, "a" | "aaaa">> = { 1: "a", 28: "aaaa" };
const SERVFAIL = 2;
const NXDOMAIN = 3;

/** A DNS server on loopback that answers A and AAAA over UDP as told, faults included. Unknown names get NXDOMAIN. */
export class DnsServer {
  /** Every query that arrived, in order, as `a name` or `aaaa name`. */
  readonly queries: string[] = [];
  readonly entries = new Map<string, DnsEntry>();
  readonly #socket: Socket;
  readonly #events = new EventEmitter();

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("message", (query, peer) => {
      const reply = this.#answer(query);
      if (reply !== undefined) socket.send(reply, peer.port, peer.address);
      this.#events.emit("query");
    });
  }

  static async start(entries: Readonly<Record<string, DnsEntry>> = {}): Promise<DnsServer> {
    const socket = createSocket("udp4");
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    const server = new DnsServer(socket);
    for (const [name, entry] of Object.entries(entries)) server.entries.set(name, entry);
    return server;
  }

  get port(): number {
    return this.#socket.address().port;
  }

  /** Resolves when at least so many queries have come. */
  async queried(count: number): Promise<void> {
    while (this.queries.length < count) await once(this.#events, "query");
  }

  close(): void {
    this.#socket.close();
  }

  #answer(query: Buffer): Buffer | undefined {
    const labels: string[] = [];
    let at = 12;
    while (query[at] !== 0) {
      const length = query[at]!;
      labels.push(query.toString("latin1", at + 1, at + 1 + length));
      at += 1 + length;
    }
    const name = labels.join(".").toLowerCase();
    const type = TYPES[query.readUInt16BE(at + 1)];
    const asked = `${type ?? "other"} ${name}`;
    const first = !this.queries.includes(asked);
    this.queries.push(asked);
    const entry = this.entries.get(name);
    const fault = entry?.fault;
    if (fault === "silence" || (fault === "silence-aaaa" && type === "aaaa")) return undefined;
    if (fault === "silence-once" && first) return undefined;

    const addresses = (type !== undefined && entry?.[type]) || [];
    const header = Buffer.alloc(12);
    header.writeUInt16BE((query.readUInt16BE(0) + (fault === "wrong-id" ? 1 : 0)) & 0xffff, 0);
    const code = entry === undefined ? NXDOMAIN : fault === "servfail" ? SERVFAIL : 0;
    header.writeUInt16BE(0x8580 | code, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(code === 0 ? addresses.length : 0, 6);
    const records = code === 0 ? addresses.map((address) => record(type!, address, entry?.ttl ?? 60)) : [];
    return Buffer.concat([header, query.subarray(12, at + 5), ...records]);
  }
}

/** One answer for the name of the question. */
function record(type: "a" | "aaaa", address: string, ttl: number): Buffer {
  const data = type === "a" ? Buffer.from(address.split(".").map(Number)) : ipv6Bytes(address);
  const head = Buffer.alloc(12);
  head.writeUInt16BE(0xc00c, 0);
  head.writeUInt16BE(type === "a" ? 1 : 28, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(ttl, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

function ipv6Bytes(address: string): Buffer {
  const [front = "", back = ""] = address.split("::");
  const words = (text: string): number[] =>
    text === "" ? [] : text.split(":").map((word) => Number.parseInt(word, 16));
  const left = words(front);
  const right = words(back);
  const all = [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right];
  const bytes = Buffer.alloc(16);
  for (const [index, word] of all.entries()) bytes.writeUInt16BE(word, index * 2);
  return bytes;
}
