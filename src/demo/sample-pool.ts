import { randomBytes } from "node:crypto";
import { dialogKey, PoolDialog } from "./pool-dialog.ts";
import { PoolRooms, type Room } from "./pool-rooms.ts";
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
  statusOf,
  uriIn,
  uriParts,
  values,
} from "./sip-text.ts";
import { type Address, dial, Listening, type Wire } from "./wire.ts";
import { readXccos, XCCOS_TYPE } from "./xccos.ts";

/** How a pool can let its callers down, for tests and for showing what an operator would see. */
export interface Misbehaviour {
  /** Instead of accepting an INVITE: answer with this status, say nothing, or close the connection. */
  readonly invite?: number | "silent" | "close";
  /** Instead of replying to `cmd:requri`: answer the INFO with this status, say nothing at all, or end the dialog. */
  readonly lookUp?: number | "silent" | "bye";
  /** Wait so many milliseconds before each answer. */
  readonly delay?: number;
}

export interface SamplePoolOptions {
  /** Where to listen, TCP. Default 127.0.0.1:5090; port 0 takes a free one. */
  readonly listen?: Address;
  /** The host in our Contact. Default `pcpool.contoso.com`. */
  readonly name?: string;
  /** What `rpl:requri` names: the address that the channel dialog then goes to. */
  readonly channelAddress?: string;
  readonly rooms?: readonly Room[];
  /** Where hosts named in Routes are, when the dialog's connection is gone; IP literals need no entry. */
  readonly resolve?: Readonly<Record<string, Address>>;
  readonly misbehave?: Misbehaviour;
  readonly recorder?: Recorder;
}

/** The pool's default channel address and room. */
export const CHANNEL_ADDRESS = "sip:GC-1-PersistentChatService-1@contoso.com";
export const LOBBY: Room = { uri: "ma-chan://contoso.com/6f1c2a34-7d1e-4b9a-9a55-2f0c6a3b1e77", name: "Lobby" };

/** A caller that never says BYE must not eat the memory: the oldest dialog goes. */
const MAX_DIALOGS = 1000;

/**
 * A Persistent Chat pool in small, over TCP: look-up and channel dialogs, rooms with lines of chat, SUBSCRIBE and
 * OPTIONS. It answers commands as a real pool does, by an INFO of its own down the route set.
 */
export class SamplePool {
  readonly stats = { invites: 0, dialogs: 0, lookUps: 0, chatLines: 0, subscriptions: 0, refused: 0 };
  readonly #options: SamplePoolOptions;
  readonly #recorder: Recorder;
  readonly #listening: Listening;
  readonly #dialogs = new Map<string, PoolDialog>();
  /** INVITEs without a final answer, by branch: what a CANCEL can still reach. */
  readonly #unanswered = new Map<string, SipText>();
  readonly #dialled = new Set<Wire>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #handlers = {
    message: (message: SipText, wire: Wire) => this.#received(message, wire),
    closed: (wire: Wire) => void this.#dialled.delete(wire),
  };
  readonly #rooms: PoolRooms;
  /** May be changed at any time. */
  misbehave: Misbehaviour;

  constructor(options: SamplePoolOptions = {}) {
    this.#options = options;
    this.#recorder = options.recorder ?? unrecorded;
    this.#rooms = new PoolRooms(options.rooms ?? [LOBBY], options.channelAddress ?? CHANNEL_ADDRESS);
    this.misbehave = options.misbehave ?? {};
    this.#listening = new Listening("pool", this.#recorder, this.#handlers);
  }

  /** The bound address. */
  get address(): Address {
    return this.#listening.address;
  }

  start(): Promise<void> {
    return this.#listening.start(this.#options.listen ?? { address: "127.0.0.1", port: 5090 });
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    for (const wire of this.#dialled) wire.destroy();
    await this.#listening.close();
  }

  /** Forgets every dialog, as a restarted server has: the next request in one gets 481. */
  forget(): void {
    this.#dialogs.clear();
    this.stats.dialogs = 0;
  }

  #received(message: SipText, wire: Wire): void {
    if (!isRequest(message)) {
      this.#answered(message);
      return;
    }
    this.#inspect(message);
    if (methodOf(message) === "CANCEL") {
      this.#cancel(message, wire);
      return;
    }
    if (methodOf(message) === "INVITE") {
      this.stats.invites += 1;
      this.#unanswered.set(branchOf(message), message);
    }
    const { delay } = this.misbehave;
    if (delay === undefined) {
      this.#act(message, wire);
      return;
    }
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#act(message, wire);
    }, delay);
    this.#timers.add(timer);
  }

  #act(request: SipText, wire: Wire): void {
    const method = methodOf(request);
    const key = dialogKey(request);
    if (key === undefined) {
      if (method === "INVITE") this.#invite(request, wire);
      else if (method === "SUBSCRIBE") this.#subscribe(request, wire, this.#newDialog(request, wire));
      else if (method === "OPTIONS") wire.send(responseTo(request, "200 OK", { toTag: token(), headers: [ALLOW] }));
      else if (/^(BYE|INFO|UPDATE|NOTIFY)$/.test(method)) this.#refuse(request, wire, NO_DIALOG);
      else if (method !== "ACK") this.#refuse(request, wire, "405 Method Not Allowed", [ALLOW]);
      return;
    }
    const dialog = this.#dialogs.get(key);
    if (dialog === undefined) {
      if (method !== "ACK") this.#refuse(request, wire, NO_DIALOG);
      return;
    }
    this.#inDialog(request, wire, dialog);
  }

  #inDialog(request: SipText, wire: Wire, dialog: PoolDialog): void {
    if (requestUri(request) !== uriIn(this.#contact)) {
      this.#broken("remote-target", `${methodOf(request)} in a dialog for ${requestUri(request)}, not for our Contact`);
    }
    switch (methodOf(request)) {
      case "ACK":
        return;
      case "INFO":
        this.#info(request, wire, dialog);
        return;
      case "BYE":
        wire.send(responseTo(request, "200 OK"));
        this.#remove(dialog);
        return;
      case "SUBSCRIBE":
        this.#subscribe(request, wire, dialog);
        return;
      case "UPDATE":
        wire.send(responseTo(request, "200 OK", { headers: [["Contact", this.#contact], ...SESSION_TIMER] }));
        return;
      case "MESSAGE":
      case "OPTIONS":
        wire.send(responseTo(request, "200 OK", { headers: [ALLOW] }));
        return;
      default:
        this.#refuse(request, wire, "405 Method Not Allowed", [ALLOW]);
    }
  }

  #invite(request: SipText, wire: Wire): void {
    const { invite } = this.misbehave;
    if (invite === "silent" || !this.#unanswered.delete(branchOf(request))) return;
    if (invite === "close") {
      wire.destroy();
    } else if (invite !== undefined) {
      this.#refuse(request, wire, `${invite} ${invite === 503 ? "Service Unavailable" : "Refused By Sample Pool"}`);
    } else {
      const dialog = this.#newDialog(request, wire);
      wire.send(
        responseTo(request, "200 OK", {
          toTag: dialog.localTag,
          headers: [
            ...values(request, "Record-Route").map((hop): readonly [string, string] => ["Record-Route", hop]),
            ["Contact", this.#contact],
            ["Content-Type", "application/sdp"],
            ...SESSION_TIMER,
          ],
          body: sessionDescription(this.address.address),
        }),
      );
    }
  }

  #cancel(request: SipText, wire: Wire): void {
    const invite = this.#unanswered.get(branchOf(request));
    wire.send(responseTo(request, invite === undefined ? NO_DIALOG : "200 OK"));
    if (invite !== undefined) {
      this.#unanswered.delete(branchOf(request));
      this.#refuse(invite, wire, "487 Request Terminated");
    }
  }

  #subscribe(request: SipText, wire: Wire, dialog: PoolDialog): void {
    this.stats.subscriptions += 1;
    const expires = Math.min(Number(header(request, "Expires") ?? 3600) || 0, 3600);
    const recordRoute = values(request, "Record-Route").map((hop): readonly [string, string] => ["Record-Route", hop]);
    wire.send(
      responseTo(request, "200 OK", {
        toTag: dialog.localTag,
        headers: [...recordRoute, ["Contact", this.#contact], ["Expires", String(expires)]],
      }),
    );
    const state = expires === 0 ? "terminated;reason=timeout" : `active;expires=${expires}`;
    void this.#send(dialog, "NOTIFY", [
      ["Event", header(request, "Event") ?? "presence"],
      ["Contact", this.#contact],
      ["Subscription-State", state],
    ]);
    if (expires === 0) this.#remove(dialog);
  }

  #info(request: SipText, wire: Wire, dialog: PoolDialog): void {
    const xccos = readXccos(request.body);
    if (xccos === undefined) {
      this.#refuse(request, wire, "415 Unsupported Media Type");
      return;
    }
    const { lookUp } = this.misbehave;
    if (xccos.id === "cmd:requri" && lookUp !== undefined) {
      if (lookUp === "silent") return;
      if (lookUp === "bye") {
        wire.send(responseTo(request, "200 OK"));
        void this.#send(dialog, "BYE");
        this.#remove(dialog);
      } else {
        this.#refuse(request, wire, `${lookUp} Refused By Sample Pool`);
      }
      return;
    }
    wire.send(responseTo(request, "200 OK"));
    if (xccos.id === "cmd:requri") this.stats.lookUps += 1;
    if (xccos.id === "grpchat") this.stats.chatLines += 1;
    for (const saying of this.#rooms.obey(xccos, dialog, this.#dialogs.values())) {
      void this.#send(saying.dialog, "INFO", [["Content-Type", XCCOS_TYPE]], saying.body);
    }
  }

  /** Sends a request down the route set: on the dialog's connection, or on a new one to the topmost Route. */
  async #send(
    dialog: PoolDialog,
    method: string,
    more: Array<readonly [string, string]> = [],
    body = "",
  ): Promise<void> {
    const { address, port } = this.address;
    const request = dialog.request(
      method,
      `SIP/2.0/TCP ${hostPort(address, port)};branch=${token("z9hG4bK")}`,
      more,
      body,
    );
    if (!dialog.wire.open) {
      try {
        dialog.wire = await dial(this.#locate(dialog), "pool", this.#recorder, this.#handlers);
        this.#dialled.add(dialog.wire);
      } catch {
        this.#remove(dialog);
        return;
      }
    }
    dialog.wire.send(request);
  }

  #locate(dialog: PoolDialog): Address {
    const { host, port } = uriParts(uriIn(dialog.routeSet[0]) || dialog.remoteTarget);
    return this.#options.resolve?.[host] ?? { address: host, port: port ?? 5060 };
  }

  /** A caller that does not know our INFO's or NOTIFY's dialog any more has none with us either (RFC 3261 §12.2.1.2). */
  #answered(response: SipText): void {
    const status = statusOf(response);
    if (status !== 408 && status !== 481 && status !== 487) return;
    const dialog = this.#dialogs.get(`${header(response, "Call-ID")} ${parameter(header(response, "From"), "tag")}`);
    if (dialog !== undefined) this.#remove(dialog);
  }

  #newDialog(request: SipText, wire: Wire): PoolDialog {
    const oldest = this.#dialogs.size < MAX_DIALOGS ? undefined : this.#dialogs.values().next().value;
    if (oldest !== undefined) this.#remove(oldest);
    const dialog = new PoolDialog(request, token(), wire);
    this.#dialogs.set(dialog.key, dialog);
    this.stats.dialogs = this.#dialogs.size;
    return dialog;
  }

  #remove(dialog: PoolDialog): void {
    this.#dialogs.delete(dialog.key);
    this.stats.dialogs = this.#dialogs.size;
  }

  #refuse(request: SipText, wire: Wire, status: string, headers: Array<readonly [string, string]> = []): void {
    this.stats.refused += 1;
    wire.send(responseTo(request, status, { toTag: token(), headers }));
  }

  /** What every request that reaches the end of a proxied path must look like. */
  #inspect(request: SipText): void {
    const what = methodOf(request);
    if (!branchOf(request).startsWith("z9hG4bK")) {
      this.#broken("via-branch", `${what} whose topmost Via has no RFC 3261 branch (§8.1.1.7)`);
    }
    if (header(request, "Max-Forwards") === undefined)
      this.#broken("max-forwards", `${what} without Max-Forwards (§16.6)`);
    if (header(request, "Route") !== undefined) {
      this.#broken("route-left", `${what} still carries Route ${header(request, "Route")} at the last hop (§16.4)`);
    }
    for (const hop of hops(values(request, "Record-Route"))) {
      if (!/;lr(?=[;=>])/.test(hop))
        this.#broken("lr", `Record-Route ${hop} without ;lr: SIPE falls back to strict routing`);
    }
  }

  #broken(rule: string, detail: string): void {
    this.#recorder.broken({ noticedBy: "pool", rule, detail });
  }

  get #contact(): string {
    const { port } = this.address;
    return `<sip:${hostPort(this.#options.name ?? "pcpool.contoso.com", port)};transport=tcp>`;
  }
}

const NO_DIALOG = "481 Call Leg/Transaction Does Not Exist";
const ALLOW = ["Allow", "INVITE, ACK, CANCEL, BYE, INFO, MESSAGE, UPDATE, SUBSCRIBE, OPTIONS"] as const;
const SESSION_TIMER = [
  ["Supported", "timer"],
  ["Session-Expires", "1800;refresher=uac"],
] as const;

function branchOf(message: SipText): string {
  return parameter(hops(values(message, "Via"))[0], "branch") ?? "";
}

function token(prefix = ""): string {
  return prefix + randomBytes(6).toString("hex");
}

/** One m=message line, as pools answer; its port means nothing, since there is no media path. */
function sessionDescription(address: string): string {
  const origin = `IN ${address.includes(":") ? "IP6" : "IP4"} ${address}`;
  const lines = ["v=0", `o=- 0 0 ${origin}`, "s=session", `c=${origin}`, "t=0 0", "m=message 5060 sip null"];
  return `${[...lines, "a=accept-types:text/plain"].join("\r\n")}\r\n`;
}
