import { randomBytes } from "node:crypto";
import { isIP } from "node:net";
import { HomeServer } from "./home-server.ts";
import { type Recorder, unrecorded } from "./recorder.ts";
import {
  header,
  hops,
  hostPort,
  isRequest,
  methodOf,
  parameter,
  requestUri,
  responseTo,
  type SipText,
  sipText,
  statusOf,
  uriIn,
  uriParts,
  values,
} from "./sip-text.ts";
import { type Address, dial, Listening, type Wire } from "./wire.ts";

export interface FrontEndOptions {
  /** Where to listen, TCP. Default 127.0.0.1:5160; port 0 takes a free one. */
  readonly listen?: Address;
  /** The host in our Via and Record-Route, which Waypost must be able to resolve. Default `fe01.contoso.com`. */
  readonly name?: string;
  /** Where requests go that are for no client of ours: the gateway. `routeTo` changes it. */
  readonly nextHop?: Address;
  /** Where named hosts are, ahead of `nextHop`; IP literals need no entry. */
  readonly resolve?: Readonly<Record<string, Address>>;
  /** Follow a 302 or 303 here (RFC 3261 §16.7 step 4) instead of handing it to the client. */
  readonly recurse3xx?: boolean;
  readonly recorder?: Recorder;
}

/** A request that was passed on and has no final answer yet. */
interface Forward {
  readonly sent: SipText;
  readonly from: Wire;
  readonly to: Wire;
  /** The Vias below ours, which must come back as they went. */
  readonly viasBelow: readonly string[];
  readonly recursed: boolean;
}

/**
 * The client's home front end in small: one TCP connection per client, and a record-routing proxy which marks the
 * client's Via as Lync's does and ACKs non-2xx answers hop by hop, because legacy clients never do (RFC 3261 §17.1.1.3).
 */
export class FrontEnd {
  readonly stats = { registered: 0, forwarded: 0, fromGateway: 0, recursed: 0, refused: 0 };
  readonly #options: FrontEndOptions;
  readonly #name: string;
  readonly #recorder: Recorder;
  readonly #listening: Listening;
  readonly #home = new HomeServer();
  readonly #forwards = new Map<string, Forward>();
  /** Connections that we opened, by address; requests that wait for one leave in the order they came. */
  readonly #dialled = new Map<string, Promise<Wire>>();
  readonly #keys = new WeakMap<Wire, string>();
  readonly #handlers = {
    message: (message: SipText, wire: Wire) => {
      this.#received(message, wire).catch((error: Error) => this.#broken("readable", error.message));
    },
    closed: (wire: Wire) => this.#closed(wire),
  };
  #nextHop: Address | undefined;

  constructor(options: FrontEndOptions = {}) {
    this.#options = options;
    this.#name = options.name ?? "fe01.contoso.com";
    this.#nextHop = options.nextHop;
    this.#recorder = options.recorder ?? unrecorded;
    this.#listening = new Listening("front end", this.#recorder, this.#handlers);
  }

  /** The bound address. */
  get address(): Address {
    return this.#listening.address;
  }

  start(): Promise<void> {
    return this.#listening.start(this.#options.listen ?? { address: "127.0.0.1", port: 5160 });
  }

  /** Sends what is for no client of ours to this address from now on. */
  routeTo(nextHop: Address): void {
    this.#nextHop = nextHop;
  }

  async close(): Promise<void> {
    const dialled = await Promise.allSettled(this.#dialled.values());
    for (const result of dialled) if (result.status === "fulfilled") result.value.destroy();
    await this.#listening.close();
  }

  async #received(message: SipText, wire: Wire): Promise<void> {
    if (!isRequest(message)) {
      await this.#response(message, wire);
    } else if (methodOf(message) === "REGISTER") {
      this.#register(message, wire);
    } else {
      await this.#request(message, wire);
    }
  }

  #register(request: SipText, wire: Wire): void {
    wire.send(this.#home.register(request, wire, token()));
    this.stats.registered = this.#home.size;
  }

  async #request(request: SipText, wire: Wire): Promise<void> {
    const fromClient = this.#home.has(wire);
    const own = fromClient ? this.#home.answer(request, token()) : undefined;
    if (own !== undefined) {
      wire.send(own);
      return;
    }
    if (fromClient && methodOf(request) === "INVITE") wire.send(responseTo(request, "100 Trying"));
    if (!fromClient) this.#inspect(request);
    const maxForwards = Number(header(request, "Max-Forwards") ?? 70);
    if (maxForwards <= 0) {
      this.#refuse(request, wire, "483 Too Many Hops");
      return;
    }
    const routes = hops(values(request, "Route"));
    if (routes[0] !== undefined && this.#isOurs(uriIn(routes[0]))) routes.shift();
    const target = uriIn(routes[0]) || requestUri(request);
    if (routes[0] !== undefined && !/;transport=tcp(?=[;>])/i.test(routes[0])) {
      this.#broken("transport", `Route ${routes[0]} leads over UDP (RFC 3263 §4.1), and this hop speaks only TCP`);
    }
    const headers = request.headers.filter(([name]) => !/^(route|max-forwards)$/i.test(name));
    const top = headers.findIndex(([name]) => name.toLowerCase() === "via");
    if (fromClient && top >= 0) headers[top] = ["Via", `${headers[top]![1]}${receivedFrom(wire)}`];
    if (fromClient) headers.push(["P-Asserted-Identity", `<${uriIn(header(request, "From"))}>`]);
    const added: Array<readonly [string, string]> = [["Max-Forwards", String(maxForwards - 1)]];
    if (/^(INVITE|SUBSCRIBE)$/.test(methodOf(request))) added.push(["Record-Route", this.#recordRoute]);
    for (const route of routes) added.push(["Route", route]);
    const onward = { ...request, headers: [...added, ...headers] };
    await this.#forward(onward, wire, target, false);
  }

  /** Passes a request on to where a URI leads, under a Via of our own. */
  async #forward(request: SipText, from: Wire, target: string, recursed: boolean): Promise<void> {
    const branch = `z9hG4bK${token()}`;
    const via = `SIP/2.0/TCP ${hostPort(this.#name, this.address.port)};branch=${branch};branched=FALSE`;
    const sent = { ...request, headers: [["Via", via] as const, ...request.headers] };
    let to: Wire | undefined;
    try {
      to = this.#home.find(target) ?? (await this.#connect(target));
    } catch (error) {
      this.#refuse(request, from, `504 Server Time-out`, (error as Error).message);
      return;
    }
    if (to === undefined) {
      this.#refuse(request, from, methodOf(request) === "OPTIONS" ? "200 OK" : "480 Temporarily Unavailable");
      return;
    }
    this.stats.forwarded += 1;
    if (methodOf(request) !== "ACK") {
      this.#forwards.set(branch, { sent, from, to, viasBelow: hops(values(request, "Via")), recursed });
    }
    to.send(sent);
  }

  /** A connection toward a URI, which is not one of our clients; undefined when it is for us and nobody is there. */
  async #connect(target: string): Promise<Wire | undefined> {
    const { host, port } = uriParts(target);
    if (this.#isOurs(target)) return undefined;
    const named = this.#options.resolve?.[host];
    const to = named ?? (isIP(host) !== 0 ? { address: host, port: port ?? 5060 } : this.#nextHop);
    if (to === undefined) return undefined;
    const key = hostPort(to.address, to.port);
    let wire = this.#dialled.get(key);
    if (wire === undefined) {
      wire = dial(to, "front end", this.#recorder, this.#handlers);
      this.#dialled.set(key, wire);
      wire.then(
        (open) => this.#keys.set(open, key),
        () => this.#dialled.delete(key),
      );
    }
    return wire;
  }

  async #response(response: SipText, wire: Wire): Promise<void> {
    const vias = hops(values(response, "Via"));
    const branch = parameter(vias[0], "branch") ?? "";
    const forward = this.#forwards.get(branch);
    if (forward === undefined) {
      this.#broken("answer", `"${response.startLine}" on a Via that is not ours or was answered before: ${vias[0]}`);
      return;
    }
    const status = statusOf(response);
    if (vias.slice(1).join("\n") !== forward.viasBelow.join("\n")) {
      this.#broken("via-below", `"${response.startLine}" changed the Vias below ours: ${vias.slice(1).join(", ")}`);
    }
    if (status === 100) return;
    if (status >= 200) this.#forwards.delete(branch);
    if (status >= 300 && methodOf(forward.sent) === "INVITE") {
      wire.send(ackFor(forward.sent, response));
      if (this.#options.recurse3xx === true && (status === 302 || status === 303) && !forward.recursed) {
        await this.#recurse(forward, response);
        return;
      }
    }
    const headers = response.headers.filter(([name]) => name.toLowerCase() !== "via");
    const below = forward.viasBelow.map((via): readonly [string, string] => ["Via", via]);
    forward.from.send({ ...response, headers: [...below, ...headers] });
  }

  async #recurse(forward: Forward, response: SipText): Promise<void> {
    this.stats.recursed += 1;
    const contact = uriIn(hops(values(response, "Contact"))[0]);
    const [, ...headers] = forward.sent.headers;
    const request = { ...forward.sent, startLine: `${methodOf(forward.sent)} ${contact} SIP/2.0`, headers };
    await this.#forward(request, forward.from, contact, true);
  }

  /** What a request that the gateway brings from the pool must look like. */
  #inspect(request: SipText): void {
    const method = methodOf(request);
    this.stats.fromGateway += 1;
    if (parameter(hops(values(request, "Via"))[0], "branch")?.startsWith("z9hG4bK") !== true) {
      this.#broken("via-branch", `${method} whose topmost Via has no RFC 3261 branch (§8.1.1.7)`);
    }
    if (parameter(header(request, "To"), "tag") === undefined) return;
    const route = hops(values(request, "Route"))[0];
    if (route !== this.#recordRoute) {
      this.#broken("route", `${method} in a dialog came with Route ${route ?? "(none)"}, not ${this.#recordRoute}`);
    }
  }

  #refuse(request: SipText, wire: Wire, status: string, why?: string): void {
    if (methodOf(request) === "ACK") return;
    this.stats.refused += 1;
    const headers = why === undefined ? [] : [["Warning", `399 ${this.#name} "${why}"`] as const];
    wire.send(responseTo(request, status, { toTag: token(), headers }));
  }

  /** A peer that is gone answers nothing more: its callers get a 504, as a stateful proxy gives them. */
  #closed(wire: Wire): void {
    this.#dialled.delete(this.#keys.get(wire) ?? "");
    this.#home.forget(wire);
    this.stats.registered = this.#home.size;
    for (const [branch, { sent, from, to }] of this.#forwards) {
      if (to !== wire) continue;
      this.#forwards.delete(branch);
      const [, ...headers] = sent.headers;
      this.#refuse({ ...sent, headers }, from, "504 Server Time-out", "the next hop closed the connection");
    }
  }

  #isOurs(uri: string): boolean {
    const { host, port } = uriParts(uri);
    return host === this.#name.toLowerCase() && port === this.address.port;
  }

  get #recordRoute(): string {
    return `<sip:${hostPort(this.#name, this.address.port)};transport=tcp;opaque=state:T:F;lr>`;
  }

  #broken(rule: string, detail: string): void {
    this.#recorder.broken({ noticedBy: "front end", rule, detail });
  }
}

/** The ACK of a non-2xx answer: on the branch of the INVITE, to the same next hop (RFC 3261 §17.1.1.3). */
function ackFor(invite: SipText, response: SipText): SipText {
  const kept = invite.headers.filter(([name]) => /^(route|from|call-id|max-forwards)$/i.test(name));
  return sipText(`ACK ${requestUri(invite)} SIP/2.0`, [
    ["Via", hops(values(invite, "Via"))[0]!],
    ...kept,
    ["To", header(response, "To") ?? ""],
    ["CSeq", (header(invite, "CSeq") ?? "").replace("INVITE", "ACK")],
  ]);
}

/** What a Lync front end adds to the Via of a client. */
function receivedFrom(wire: Wire): string {
  return `;ms-received-port=${wire.remote.port};ms-received-cid=${wire.remote.port.toString(16).toUpperCase()}00`;
}

function token(): string {
  return randomBytes(6).toString("hex");
}
