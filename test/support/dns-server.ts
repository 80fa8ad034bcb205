import { createSocket, type Socket } from "node:dgram";
import { EventEmitter, once } from "node:events";
import { createServer, type Server, type Socket as TcpSocket } from "node:net";
import * as dns from "dns-packet";

/** What the server does with queries for a name. Without `fault` it answers with the records of the type asked for. */
export interface DnsEntry {
  readonly a?: readonly string[];
  readonly aaaa?: readonly string[];
  /** `priority weight port target`, as a zone file writes it. */
  readonly srv?: readonly string[];
  /** `order preference flags service replacement`. */
  readonly naptr?: readonly string[];
  readonly cname?: string;
  /** Seconds; default 60. */
  readonly ttl?: number;
  /** The minimum of the SOA record that comes with an answer without records; absent = there is no SOA. */
  readonly soaMinimum?: number;
  readonly fault?:
    | "silence"
    | "silence-aaaa"
    | "silence-services"
    | "silence-once"
    | "servfail"
    | "wrong-id"
    | "truncated"
    | "truncated-silence"
    | "no-edns";
}

type Kind = "a" | "aaaa" | "srv" | "naptr" | "cname";

const SERVFAIL = 2;
const NXDOMAIN = 3;
const FORMERR = 1;

/** A DNS server on loopback that answers over UDP and TCP as told, faults included. Unknown names get NXDOMAIN. */
export class DnsServer {
  /** Every query that arrived, in order, as `a name`, over TCP as `tcp a name`. */
  readonly queries: string[] = [];
  readonly entries = new Map<string, DnsEntry>();
  readonly #udp: Socket;
  readonly #tcp: Server;
  readonly #connections = new Set<TcpSocket>();
  readonly #events = new EventEmitter();

  private constructor(udp: Socket, tcp: Server) {
    this.#udp = udp;
    this.#tcp = tcp;
    udp.on("message", (query, peer) => {
      const reply = this.#answer(query, "udp");
      if (reply !== undefined) udp.send(reply, peer.port, peer.address);
      this.#events.emit("query");
    });
    tcp.on("connection", (socket) => {
      this.#connections.add(socket);
      socket.on("error", () => socket.destroy());
      // The queries of a test are small and come in one piece.
      socket.on("data", (bytes) => {
        const reply = this.#answer(bytes.subarray(2), "tcp");
        if (reply === undefined) return;
        const length = Buffer.alloc(2);
        length.writeUInt16BE(reply.length);
        socket.write(length);
        socket.write(reply);
      });
    });
  }

  static async start(entries: Readonly<Record<string, DnsEntry>> = {}): Promise<DnsServer> {
    for (;;) {
      const udp = createSocket("udp4").bind(0, "127.0.0.1");
      await once(udp, "listening");
      const tcp = createServer().listen(udp.address().port, "127.0.0.1");
      try {
        await once(tcp, "listening");
      } catch {
        // Somebody else has the port for TCP.
        udp.close();
        continue;
      }
      const server = new DnsServer(udp, tcp);
      for (const [name, entry] of Object.entries(entries)) server.entries.set(name, entry);
      return server;
    }
  }

  get port(): number {
    return this.#udp.address().port;
  }

  /** Resolves when at least so many queries have come. */
  async queried(count: number): Promise<void> {
    while (this.queries.length < count) await once(this.#events, "query");
  }

  close(): void {
    this.#udp.close();
    this.#tcp.close();
    for (const connection of this.#connections) connection.destroy();
  }

  #answer(bytes: Buffer, over: "udp" | "tcp"): Buffer | undefined {
    const query = dns.decode(bytes);
    const [question] = query.questions ?? [];
    if (question === undefined) return undefined;
    const name = question.name.toLowerCase();
    const kind = question.type.toLowerCase() as Kind;
    const asked = `${over === "tcp" ? "tcp " : ""}${kind} ${name}`;
    const first = !this.queries.includes(asked);
    this.queries.push(asked);
    const entry = this.entries.get(name);
    const fault = entry?.fault;
    const isService = kind === "srv" || kind === "naptr";
    if (fault === "silence" || (fault === "silence-aaaa" && kind === "aaaa")) return undefined;
    if ((fault === "silence-once" && first) || (fault === "silence-services" && isService)) return undefined;
    if (fault === "truncated-silence" && over === "tcp") return undefined;

    let code = entry === undefined ? NXDOMAIN : 0;
    if (fault === "servfail") code = SERVFAIL;
    if (fault === "no-edns" && (query.additionals ?? []).length > 0) code = FORMERR;
    const truncated = over === "udp" && (fault === "truncated" || fault === "truncated-silence");
    const answers = code === 0 && !truncated ? this.#records(name, kind) : [];
    const reply = dns.encode({
      type: "response",
      id: ((query.id ?? 0) + (fault === "wrong-id" ? 1 : 0)) & 0xffff,
      flags: 0x0580 | code | (truncated ? dns.TRUNCATED_RESPONSE : 0),
      questions: [question],
      answers,
      authorities: answers.length === 0 && entry?.soaMinimum !== undefined ? [soa(name, entry.soaMinimum)] : [],
    });
    // What is cut off may end anywhere.
    return truncated ? Buffer.concat([reply, Buffer.from([0xc0])]) : reply;
  }

  #records(name: string, kind: Kind): dns.Answer[] {
    const entry = this.entries.get(name);
    const ttl = entry?.ttl ?? 60;
    if (entry?.cname !== undefined && kind !== "cname") {
      // One that leads to itself is for the resolver to find out.
      const rest = entry.cname === name ? [] : this.#records(entry.cname, kind);
      return [{ type: "CNAME", name, ttl, data: entry.cname }, ...rest];
    }
    switch (kind) {
      case "a":
        return (entry?.a ?? []).map((data) => ({ type: "A", name, ttl, data }));
      case "aaaa":
        return (entry?.aaaa ?? []).map((data) => ({ type: "AAAA", name, ttl, data }));
      case "srv":
        return (entry?.srv ?? []).map((text) => {
          const [priority, weight, port, target = "."] = text.split(" ");
          const data = { priority: Number(priority), weight: Number(weight), port: Number(port), target };
          return { type: "SRV", name, ttl, data };
        });
      case "naptr":
        return (entry?.naptr ?? []).map((text) => {
          const [order, preference, flags = "", services = "", replacement = "."] = text.split(" ");
          const numbers = { order: Number(order), preference: Number(preference) };
          return { type: "NAPTR", name, ttl, data: { ...numbers, flags, services, regexp: "", replacement } };
        });
      default:
        return [];
    }
  }
}

function soa(name: string, minimum: number): dns.Answer {
  const times = { serial: 1, refresh: 3600, retry: 600, expire: 86_400, minimum };
  return { type: "SOA", name, ttl: 3600, data: { mname: "ns.test", rname: "hostmaster.test", ...times } };
}
