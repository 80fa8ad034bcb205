import { createSocket, type RemoteInfo, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, createServer, connect as dial, type Server, type Socket } from "node:net";
import { createServer as createSecureServer, type TlsOptions } from "node:tls";
import { Message } from "../support/sip-text.ts";
import { ControlChannel, type ControlMessage } from "./control-channel.ts";

export interface ScriptedOptions {
  readonly secret?: string;
  /** Its `dns-names` and addresses: it puts the destination into Request-URIs for these. */
  readonly own?: readonly string[];
  readonly version?: string;
  readonly tls?: TlsOptions;
  /** The admin port; 0, the default, is any free one. */
  readonly port?: number;
  /** What it says of its listeners; absent = where it really listens. */
  readonly claims?: string;
}

interface App {
  readonly channel: ControlChannel;
  readonly methods: Set<string>;
}

/** A request that an application was asked about. */
interface Transaction {
  readonly request: Message;
  readonly caller: RemoteInfo;
  proxied?: {
    readonly order: string;
    readonly channel: ControlChannel;
    readonly destinations: string[];
    timeout: string;
  };
}

/**
 * A drachtio-server as far as applications see it: the control protocol word for word, and behind it a UDP listener
 * that answers and proxies as that server does. It knows no retransmission, no CANCEL and no DNS.
 */
export class ScriptedServer {
  /** What applications said, in their words. */
  readonly heard: ControlMessage[] = [];
  /** Sends all that are connected into silence, and those to come. */
  hangs = false;
  /** False: answers are taken and not confirmed. */
  confirms = true;
  readonly #options: ScriptedOptions;
  readonly #sip: UdpSocket;
  readonly #admin: Server;
  readonly #sockets = new Set<Socket>();
  readonly #apps = new Set<App>();
  readonly #transactions = new Map<string, Transaction>();
  /** By the branch of the Via that was put on top. */
  readonly #branches = new Map<string, { readonly id: string; timer?: NodeJS.Timeout | undefined }>();
  #counter = 0;

  private constructor(options: ScriptedOptions, sip: UdpSocket) {
    this.#options = options;
    this.#sip = sip;
    const accept = (socket: Socket): void => void this.#accept(socket);
    this.#admin = options.tls === undefined ? createServer(accept) : createSecureServer(options.tls, accept);
    sip.on("message", (bytes, from) => this.#received(new Message(bytes), from));
  }

  static async start(options: ScriptedOptions = {}): Promise<ScriptedServer> {
    const sip = createSocket("udp4");
    sip.bind(0, "127.0.0.1");
    await once(sip, "listening");
    const server = new ScriptedServer(options, sip);
    server.#admin.listen(options.port ?? 0, "127.0.0.1");
    await once(server.#admin, "listening");
    return server;
  }

  get adminPort(): number {
    return (this.#admin.address() as AddressInfo).port;
  }

  get sipPort(): number {
    return this.#sip.address().port;
  }

  /** Applications that were accepted and are connected. */
  get apps(): number {
    return this.#apps.size;
  }

  /** Applications that have asked for INVITEs: before, a call is answered with 503. */
  get serving(): number {
    return [...this.#apps].filter(({ methods }) => methods.has("invite")).length;
  }

  /** Its outbound mode: every request goes to the application at this port, over a connection of its own. */
  callOut: { readonly port: number } | undefined;

  /** Cuts all control connections, as a server that dies. */
  drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.drop();
    for (const { timer } of this.#branches.values()) clearTimeout(timer);
    this.#sip.close();
    this.#admin.close();
    await once(this.#admin, "close");
  }

  #accept(socket: Socket): App {
    this.#sockets.add(socket);
    const app: App = { methods: new Set(), channel: new ControlChannel(socket, (message) => this.#told(app, message)) };
    if (this.hangs) app.channel.listens = false;
    socket.on("close", () => {
      this.#sockets.delete(socket);
      this.#apps.delete(app);
    });
    return app;
  }

  #told(app: App, message: ControlMessage): void {
    if (this.hangs) return;
    this.heard.push(message);
    const { id, words, sip } = message;
    const { channel } = app;
    switch (words[0]) {
      case "authenticate":
        if (words[1] !== (this.#options.secret ?? "cymru")) {
          channel.send(["response", id, "NOK", "incorrect secret"]);
          channel.socket.end();
          return;
        }
        this.#apps.add(app);
        channel.send(["response", id, "OK", this.#listeners, this.#options.version ?? "v0.9.10", this.#listeners]);
        return;
      case "ping":
        channel.send(["response", id, "OK", "pong"]);
        return;
      case "route":
        app.methods.add(words[1]!);
        channel.send(["response", id, "OK"]);
        return;
      case "remove_route":
        // This is how the server understands it: no requests at all.
        app.methods.clear();
        channel.send(["response", id, "OK"]);
        return;
      case "sip":
        this.#answer(channel, id, words[1]!, new Message(sip));
        return;
      case "proxy":
        this.#proxy(channel, id, words);
        return;
    }
  }

  get #listeners(): string {
    return this.#options.claims ?? `udp/127.0.0.1:${this.sipPort}`;
  }

  #received(message: Message, from: RemoteInfo): void {
    if (message.status > 0) this.#response(message);
    else if (message.toTag !== undefined && this.#isOwnRoute(message.list("Route")[0])) this.#relay(message);
    else if (message.method === "BYE") this.#sendTo(from, message.reply("481 Call/Transaction Does Not Exist"));
    else if (message.method !== "ACK") this.#ask(message, from);
  }

  #ask(request: Message, caller: RemoteInfo): void {
    const id = `txn-${++this.#counter}`;
    this.#transactions.set(id, { request, caller });
    const words = ["sip", "network", request.bytes.length, "udp", caller.address, caller.port, "12:00:00", id, ""];
    const ask = (channel: ControlChannel): void => {
      channel.send([...words, "127.0.0.1", this.sipPort], request.bytes.toString("utf8"));
    };
    if (this.callOut !== undefined) {
      const socket = dial(this.callOut.port, "127.0.0.1");
      const app = this.#accept(socket);
      const poll = setInterval(() => {
        if (this.#apps.has(app)) ask(app.channel);
        if (this.#apps.has(app) || socket.destroyed) clearInterval(poll);
      }, 2);
      return;
    }
    const app = [...this.#apps].find(({ methods }) => methods.has(request.method.toLowerCase()));
    if (app === undefined) this.#sendTo(caller, request.reply("503 Service Unavailable"));
    else ask(app.channel);
  }

  #answer(channel: ControlChannel, order: string, id: string, wanted: Message): void {
    const transaction = this.#transactions.get(id);
    if (transaction === undefined) {
      channel.send(["response", order, "NOK", "transaction not found"]);
      return;
    }
    const { request, caller } = transaction;
    const taken = ["via", "from", "to", "call-id", "cseq", "content-length"];
    const headers = wanted.headers
      .filter(({ name }) => !taken.includes(name.toLowerCase()))
      .map(({ name, value }) => `${name}: ${value}\r\n`)
      .join("");
    const text = request.reply(wanted.startLine.slice("SIP/2.0 ".length), { toTag: `d${id}`, headers });
    this.#sendTo(caller, text);
    if (!this.confirms) return;
    channel.send(["response", order, "OK", "application", text.length, "udp", "", "", "12:00:00", id, ""], text);
  }

  #proxy(channel: ControlChannel, order: string, words: readonly string[]): void {
    const [, id, , , , , timeout, , ...destinations] = words;
    const transaction = this.#transactions.get(id!);
    if (transaction === undefined) {
      channel.send(["response", order, "NOK", "transaction not found"]);
      return;
    }
    transaction.proxied = { order, channel, destinations, timeout: timeout! };
    this.#next(id!, transaction);
  }

  /** Sends to the next destination. @returns false when there is none */
  #next(id: string, { request, proxied }: Transaction): boolean {
    const destination = proxied!.destinations.shift();
    if (destination === undefined) return false;
    const branch = `z9hG4bKd${++this.#counter}`;
    const timer = proxied!.destinations.length > 0 && proxied!.timeout !== "";
    const lateMs = Number(/^(\d+)ms$/.exec(proxied!.timeout)?.[1] ?? 0);
    const late = (): void => void this.#next(id, this.#transactions.get(id)!);
    this.#branches.set(branch, { id, timer: timer ? setTimeout(late, lateMs) : undefined });
    const host = /^sips?:(?:[^@]*@)?([^:;]+)/.exec(request.requestUri)?.[1] ?? "";
    const uri = this.#options.own?.includes(host) ? destination : request.requestUri;
    const own = `127.0.0.1:${this.sipPort}`;
    const text = request.text
      .replace(request.requestUri, uri)
      .replace("\r\n", `\r\nVia: SIP/2.0/UDP ${own};branch=${branch}\r\nRecord-Route: <sip:${own};lr>\r\n`)
      .replace(/Max-Forwards: \d+/, "Max-Forwards: 69");
    this.#sendTo(placeOf(destination), text);
    return true;
  }

  #response(response: Message): void {
    const sent = this.#branches.get(response.branch);
    const transaction = sent && this.#transactions.get(sent.id);
    if (sent === undefined || transaction === undefined) return;
    clearTimeout(sent.timer);
    const { order, channel } = transaction.proxied ?? {};
    const own = response.text.replace(/\r\nVia: [^\r]*/, "");
    if (response.status === 100) return;
    if (response.status >= 200 && channel !== undefined) {
      const meta = ["network", own.length, "udp", "127.0.0.1", 5060, "12:00:00", sent.id, ""];
      channel.send(["response", order!, "OK", ...meta, "continue"], own);
    }
    if (response.status < 300) this.#sendTo(transaction.caller, own);
    // This is how the server fails over: after any failure at all.
    else if (channel !== undefined && this.#next(sent.id, transaction)) return;
    else this.#sendTo(transaction.caller, own);
    if (response.status >= 200) channel?.send(["response", order!, "OK", "done"]);
  }

  /** A request of a dialog goes on without any application. */
  #relay(request: Message): void {
    const branch = `z9hG4bKd${++this.#counter}`;
    const via = `\r\nVia: SIP/2.0/UDP 127.0.0.1:${this.sipPort};branch=${branch}`;
    const text = request.text.replace(/\r\nRoute: [^\r]*/, "").replace("\r\n", `${via}\r\n`);
    const id = `relay-${branch}`;
    const [, address, port] = /UDP ([^:;]+):(\d+)/.exec(request.list("Via")[0]!)!;
    this.#transactions.set(id, { request, caller: { address: address!, port: Number(port), family: "IPv4", size: 0 } });
    this.#branches.set(branch, { id });
    this.#sendTo(placeOf(request.requestUri), text);
  }

  #isOwnRoute(route: string | undefined): boolean {
    return route?.includes(`127.0.0.1:${this.sipPort}`) === true;
  }

  #sendTo({ address, port }: { readonly address: string; readonly port: number }, text: string): void {
    this.#sip.send(Buffer.from(text, "latin1"), port, address);
  }
}

/** Where a URI with an IP literal leads. */
function placeOf(uri: string): { address: string; port: number } {
  const [, address, port] = /(\d+\.\d+\.\d+\.\d+)(?::(\d+))?/.exec(uri) ?? [];
  return { address: address ?? "127.0.0.1", port: Number(port ?? 5060) };
}
