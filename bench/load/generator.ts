import { setTimeout as pause } from "node:timers/promises";
import type { Flow, Listener } from "../../src/sip/flow.ts";
import type { ListenSpec } from "../../src/transport/part.ts";
import { Transports } from "../../src/transport/transports.ts";
import { Call, type CallUser } from "./call.ts";
import { Pool } from "./pool.ts";
import { coreBusy, processFigures } from "./process-figures.ts";
import { Received } from "./text.ts";
import type { LoadOptions, LoadResult, Work } from "./work.ts";

/** A call without an end after so many ms is lost; nothing is ever repeated. */
const PATIENCE_MS = 4000;
/** Five proxied calls, three subscriptions, two redirects of ten calls. */
const MIX: readonly Work[] = [
  ...["proxy", "subscribe", "proxy", "redirect", "proxy"],
  ...["subscribe", "proxy", "subscribe", "redirect", "proxy"],
] as Work[];

/** Callers and pool in one process: makes calls through a server, checks every answer, and watches the server's CPU. */
class Generator implements CallUser {
  private readonly options: LoadOptions;
  private readonly calls = new Map<string, Call>();
  private readonly durations: number[] = [];
  private readonly pool: Pool;
  private readonly run = process.hrtime.bigint().toString(36);
  private transports!: Transports;
  private poolListener!: Listener;
  private flows: Flow[] = [];
  private flowOf!: Flow;
  private counter = 0;
  private done = 0;
  private wrong = 0;
  private lost = 0;
  private firstWrong: string | undefined;
  private measuring = false;
  private stopping = false;
  private ringing: string[] = [];

  constructor(options: LoadOptions) {
    this.options = options;
    this.pool = new Pool(options.transport.toUpperCase(), `127.0.0.1:${options.poolPort}`, options.work);
  }

  async open(): Promise<void> {
    const { transport, port, poolPort, connections, cert, key } = this.options;
    const tls = transport === "tls" ? { tls: { cert: cert!, key: key! } } : {};
    const spec = (at: number): ListenSpec => ({ transport, host: "127.0.0.1", port: at, ...tls });
    // A listener keeps one connection for each peer, so each of several connections has a listener of its own.
    const specs = [spec(poolPort), ...Array.from({ length: connections }, () => spec(0))];
    this.transports = await Transports.listen(
      specs,
      { tls: { verify: "none" } },
      {
        received: (bytes, flow) => this.received(new Received(bytes.toString("latin1")), flow),
        closed: (_flow, reason) => {
          if (!this.stopping) this.fault(`a connection ended: ${reason}`);
        },
        anomaly: (kind, detail) => this.fault(`${kind}: ${detail}`),
      },
    );
    this.transports.start();
    const [first, ...others] = this.transports.listeners;
    this.poolListener = first!;
    const target = { transport, address: "127.0.0.1", port, host: "127.0.0.1" };
    this.flows = others.map((listener) => this.transports.connect(target, listener));
  }

  async close(): Promise<void> {
    this.stopping = true;
    await this.transports.close();
  }

  /** Keeps calls going for the time asked for and measures the middle of it. */
  async load(): Promise<LoadResult> {
    const { pid, warmSeconds, seconds, calls, rate, serverCore } = this.options;
    const busy = (): number => (serverCore === undefined ? 0 : coreBusy(serverCore));
    const before = processFigures(pid);
    if (rate === undefined) for (let i = 0; i < calls; i++) this.start(performance.now());
    else this.keepRate(rate);
    const watch = setInterval(() => this.giveUp(), 500);
    await pause(warmSeconds * 1000);
    this.measuring = true;
    const [start, cpu, own] = [performance.now(), processFigures(pid), process.cpuUsage()];
    const [doneBefore, busyBefore] = [this.done, busy()];
    await pause(seconds * 1000);
    const [end, after, ownUsed] = [performance.now(), processFigures(pid), process.cpuUsage(own)];
    const [done, busyTime] = [this.done - doneBefore, busy() - busyBefore];
    const serverTime = after.user + after.system - cpu.user - cpu.system;
    this.measuring = false;
    this.stopping = true;
    for (let i = 0; i < 40 && this.calls.size > 0; i++) await pause(50);
    clearInterval(watch);
    this.giveUp();
    this.durations.sort((a, b) => a - b);
    return {
      done,
      perSecond: (done * 1000) / (end - start),
      userPerCall: (after.user - cpu.user) / done,
      systemPerCall: (after.system - cpu.system) / done,
      p50: this.percentile(0.5),
      p99: this.percentile(0.99),
      wrong: this.wrong,
      lost: this.lost,
      firstWrong: this.firstWrong,
      residentMb: after.residentMb,
      residentBeforeMb: before.residentMb,
      ...(serverCore !== undefined && { others: Math.max(0, busyTime - serverTime) / 1000 / (end - start) }),
      generatorBusy: (ownUsed.user + ownUsed.system) / 1000 / (end - start),
    };
  }

  /** Lets so many calls ring at once, then ends them. */
  async hold(): Promise<LoadResult> {
    const { pid, calls } = this.options;
    const before = processFigures(pid);
    for (let i = 0; i < calls; i++) {
      this.start(performance.now());
      if (i % 20 === 19) await pause(4);
    }
    for (let i = 0; i < 400 && this.ringing.length < calls; i++) await pause(50);
    await pause(2000);
    const held = processFigures(pid);
    const rang = this.ringing.length;
    this.stopping = true;
    for (const [i, id] of this.ringing.entries()) {
      this.pool.pickUp(id);
      if (i % 20 === 19) await pause(4);
    }
    for (let i = 0; i < 200 && this.calls.size > 0; i++) await pause(50);
    return {
      done: rang,
      perSecond: 0,
      userPerCall: (held.user - before.user) / calls,
      systemPerCall: (held.system - before.system) / calls,
      p50: 0,
      p99: 0,
      wrong: this.wrong,
      lost: this.calls.size + calls - rang,
      firstWrong: this.firstWrong,
      residentMb: held.residentMb,
      residentBeforeMb: before.residentMb,
      generatorBusy: 0,
    };
  }

  send(text: string): void {
    this.transports.send(this.flowOf, text);
  }

  rings(call: Call): void {
    this.ringing.push(call.text.id);
  }

  ended(call: Call, wrong?: string): void {
    if (!this.calls.delete(call.text.id)) return;
    if (wrong !== undefined) this.fault(wrong);
    this.done++;
    const now = performance.now();
    if (this.measuring) this.durations.push(now - call.startedAt);
    if (this.options.rate === undefined && this.options.work !== "hold" && !this.stopping) this.start(now);
  }

  private start(now: number): void {
    const { work, endpoints, transport } = this.options;
    const i = this.counter++;
    const row = endpoints === 1 ? 0 : Math.floor(Math.random() * endpoints);
    const own = work === "mixed" ? MIX[i % MIX.length]! : work;
    const user = own === work || own !== "redirect" ? "ocschat" : "moved";
    this.flowOf = this.flows[i % this.flows.length]!;
    const { listener } = this.flowOf;
    const text = {
      via: transport.toUpperCase(),
      local: `127.0.0.1:${listener.port}`,
      id: `${this.run}${i.toString(36)}`,
      to: `sip:${user}${row}@contoso.com`,
    };
    const call = new Call(text, own, `pool${row % 50}.contoso.com`, this, now);
    this.calls.set(text.id, call);
    call.start();
  }

  private received(message: Received, flow: Flow): void {
    if (flow.listener === this.poolListener) {
      const wrong = this.pool.received(message, (text) => this.transports.send(flow, text));
      if (wrong !== undefined) this.fault(wrong);
      return;
    }
    const call = this.calls.get(message.callId);
    this.flowOf = flow;
    if (call === undefined) return;
    if (message.method === "NOTIFY") this.transports.send(flow, call.notify(message));
    else if (message.status > 0) call.received(message);
  }

  private keepRate(rate: number): void {
    let due = performance.now();
    const timer = setInterval(() => {
      if (this.stopping) clearInterval(timer);
      // Durations count from when a call was due, so that waiting in here is not hidden.
      for (const now = performance.now(); due <= now && !this.stopping; due += 1000 / rate) this.start(due);
    }, 1);
  }

  private giveUp(): void {
    const now = performance.now();
    for (const [id, call] of this.calls) {
      if (now - call.startedAt < PATIENCE_MS) break;
      this.calls.delete(id);
      this.lost++;
      if (this.options.rate === undefined && !this.stopping) this.start(now);
    }
  }

  private fault(what: string): void {
    this.wrong++;
    this.firstWrong ??= what;
  }

  private percentile(share: number): number {
    return this.durations[Math.min(this.durations.length - 1, Math.floor(this.durations.length * share))] ?? 0;
  }
}

const options = JSON.parse(process.argv[2]!) as LoadOptions;
const generator = new Generator(options);
await generator.open();
const result = options.work === "hold" ? await generator.hold() : await generator.load();
process.stdout.write(`${JSON.stringify(result)}\n`);
await generator.close();
process.exit(0);
