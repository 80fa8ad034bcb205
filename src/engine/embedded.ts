import { randomBytes } from "node:crypto";
import type { Logger } from "pino";
import type { Config } from "../config/config.ts";
import type { Drain } from "../drained-address.ts";
import { Guard } from "../guard/admission.ts";
import { TrustRules } from "../guard/trust.ts";
import { type AddressReport, Health, MAX_ADDRESSES } from "../locate/health.ts";
import { Locator } from "../locate/locator.ts";
import type { Probe, ProbeSender } from "../locate/prober.ts";
import { AnomalyLog } from "../observe/anomaly-log.ts";
import { CHANNELS, type MessagePassed, publishEvent } from "../observe/channels.ts";
import type { ObservedTable } from "../observe/metrics/engine.ts";
import type { EngineCapabilities } from "../routing/capabilities.ts";
import { SipCore } from "../sip/core.ts";
import type { CoreLoad, CoreOptions } from "../sip/core-options.ts";
import type { Decision, RoutingRequest } from "../sip/decision.ts";
import type { CoreEvent } from "../sip/event.ts";
import { type Flow, familyOf, type Listener, type Target } from "../sip/flow.ts";
import type { AddressOutcome, CoreHost, LocateQuery, LocateResult } from "../sip/host.ts";
import type { Passed } from "../sip/neighbours.ts";
import type { OwnRequest, OwnResult } from "../sip/originate.ts";
import { Moderation } from "../transport/moderation.ts";
import type { ListenerStats } from "../transport/part.ts";
import { Transports } from "../transport/transports.ts";
import { BurstClock } from "./burst-clock.ts";
import { capabilitiesOf } from "./capabilities.ts";
import type { Engine } from "./engine.ts";
import { LoadWatch } from "./load-watch.ts";
import type { Neighbourhood } from "./neighbours/neighbourhood.ts";
import { PoolWatch } from "./pool-watch.ts";
import { Registrar, type RegistrarHost } from "./registrar.ts";
import { loadRouteKeys } from "./route-keys.ts";
import { coreSettings, healthSettings, listenSpecs } from "./settings.ts";

/** setTimeout takes no more than 31 bits. */
const LONGEST_SLEEP_MS = 0x7fffffff;

export interface EmbeddedEngineSetup {
  readonly config: Config;
  readonly log: Logger;
  /** Where a request outside of our dialogs goes; answers from memory. */
  readonly decide: (request: RoutingRequest) => Decision;
  /** The other processes that serve the same listeners, and the key that all have; absent when this is the only one. */
  readonly among?: { readonly neighbourhood: Neighbourhood; readonly key: readonly [number, number] } | undefined;
}

/** Our own SIP stack: joins the pure core with sockets, names and a clock. */
export class EmbeddedEngine implements Engine, CoreHost, ProbeSender, RegistrarHost {
  readonly capabilities: EngineCapabilities;
  readonly #log: Logger;
  readonly #decide: (request: RoutingRequest) => Decision;
  /** Undefined where every listener trusts everybody. */
  #trust: TrustRules | undefined;
  readonly guard: Guard;
  #loadWatch: LoadWatch | undefined;
  #transports!: Transports;
  /** Absent only while a start fails. */
  #locator!: Locator;
  #health!: Health;
  #watch: PoolWatch | undefined;
  #core!: SipCore;
  #registrar: Registrar | undefined;
  #neighbourhood: Neighbourhood | undefined;
  #wake: NodeJS.Timeout | undefined;
  #wakeAt = Number.POSITIVE_INFINITY;
  readonly #anomalies: AnomalyLog;
  readonly #clock = new BurstClock();
  readonly #moderation = Moderation.ofThisSystem();

  private constructor(setup: EmbeddedEngineSetup, anomalies: AnomalyLog) {
    this.#anomalies = anomalies;
    this.capabilities = capabilitiesOf(setup.config);
    this.#log = setup.log;
    this.#decide = setup.decide;
    this.guard = new Guard({
      settings: setup.config.limits,
      trusts: (address) => this.#trust?.trusts(address) === true,
      proves: (flow) => this.#trust?.proves(flow) === true,
      isServing: (key) => this.#core.isServing(key),
      isElsewhere: (callId) => this.#neighbourhood?.isElsewhere(callId) === true,
      poolKnown: (address) => this.#neighbourhood?.sharePool(address),
      clock: this.#clock.now,
      seed: randomBytes(4).readUInt32LE(),
      name: () => this.#core.identity.name,
      tell: (kind, detail) => anomalies.tell(kind, detail),
    });
  }

  /**
   * Binds every listener of the configuration.
   * @throws WaypostError LISTENER_FAILED, with nothing left bound
   */
  static async start(setup: EmbeddedEngineSetup): Promise<EmbeddedEngine> {
    const { config } = setup;
    const anomalies = new AnomalyLog(setup.log);
    const engine = new EmbeddedEngine(setup, anomalies);
    const routeKeys = loadRouteKeys(config.routeKeys, setup.log);
    const transports = await Transports.listen(
      listenSpecs(config),
      {
        maxConnections: config.limits.maxConnections,
        maxMessageBytes: config.limits.maxMessageBytes,
        idleSeconds: config.limits.idleSeconds,
        messageSeconds: config.limits.messageSeconds,
        admission: engine.guard,
        connectTimeoutMs: config.timers.connectMs,
        tls: config.tls,
        udp: config.udp,
        moderation: engine.#moderation,
      },
      {
        received: (bytes, flow) => engine.#received(bytes, flow),
        burst: (begins) => engine.#burst(begins),
        closed: (flow, reason) => engine.#closed(flow, reason),
        anomaly: (kind, detail) => anomalies.tell(kind, detail),
        notice: (detail) => setup.log.info({ detail }, "certificates"),
      },
    );
    engine.#transports = transports;
    try {
      engine.#build(setup, routeKeys);
    } catch (error) {
      await engine.close();
      throw error;
    }
    return engine;
  }

  /** Makes the parts that need to know the listeners. @throws WaypostError CONFIG_INVALID */
  #build({ config, log, among }: EmbeddedEngineSetup, routeKeys: NonNullable<CoreOptions["routeKeys"]>): void {
    const { listeners } = this;
    const rules = config.listen.flatMap(({ trust }, i) => (trust ? [[listeners[i]!, trust] as const] : []));
    if (rules.length > 0) this.#trust = new TrustRules(rules);
    this.#health = new Health(healthSettings(config));
    this.#locator = new Locator({
      hosts: config.resolve.hosts,
      servers: config.resolve.servers,
      waysOut: listeners,
      clock: this.#clock.now,
    });
    const { neighbourhood } = among ?? {};
    this.#neighbourhood = neighbourhood;
    this.#core = new SipCore(this, {
      listeners,
      routeKeys,
      key: among?.key ?? randomKey(),
      neighbours: neighbourhood,
      ...coreSettings(config),
    });
    const slept = (): number => this.#moderation?.slept ?? 0;
    this.#loadWatch = new LoadWatch(this.guard, () => this.#core.fill, slept);
    if (config.registrar !== undefined) this.#registrar = new Registrar(this, config.registrar, log);
    neighbourhood?.serve(this.#transports, {
      receive: (bytes, flow, passed) => this.#receiveAmong(bytes, flow, passed),
      closed: (flow, reason) => this.#flowClosed(flow, reason),
      pool: (address) => this.guard.knowPool(address, true),
      behind: (id, dropped) => {
        const what = `process ${id} does not take what is passed to it; ${dropped} datagrams were dropped`;
        this.#anomalies.tell("neighbour-behind", what);
      },
    });
    if (config.probe !== undefined) this.#watch = new PoolWatch(this.#locator, this.#health, this, config.probe);
    this.#transports.start();
  }

  probe({ target }: Probe, done: (outcome: AddressOutcome) => void): void {
    const family = familyOf(target.address);
    const listener = this.listeners.find((l) => l.transport === target.transport && l.family === family);
    if (listener === undefined) done({ kind: "transport", reason: `there is no listener for ${target.transport}` });
    else this.#core.probe(target, listener, this.#clock.now(), done);
    this.#schedule();
  }

  /** Undefined without a registrar in the configuration. */
  get registrar(): Registrar | undefined {
    return this.#registrar;
  }

  sentBy(listener: Listener): string {
    return this.#core.identity.sentBy(listener);
  }

  isSelf(uri: string): boolean {
    return this.#core.identity.isSelfText(uri);
  }

  originate(request: OwnRequest, done: (result: OwnResult) => void): () => void {
    const giveUp = this.#core.originate(request, this.#clock.now(), done);
    this.#schedule();
    return giveUp;
  }

  get listeners(): readonly Listener[] {
    return this.#transports.listeners;
  }

  /** A listener that cannot be bound ends the start. */
  get fault(): undefined {
    return undefined;
  }

  get unanswered(): number {
    return this.#core.unanswered;
  }

  get load(): CoreLoad {
    return this.#core.load;
  }

  get tables(): readonly ObservedTable[] {
    const { timers, queries } = this.load;
    const { known, bound, asked } = this.#locator.records;
    return [
      { name: "timers", entries: timers },
      { name: "look-ups", entries: queries },
      { name: "DNS questions", entries: asked },
      { name: "DNS answers", entries: known, bound },
      { name: "addresses", entries: this.#health.size, bound: MAX_ADDRESSES },
      { name: "named connections", entries: this.#core.namedConnections },
      ...this.guard.tables,
    ];
  }

  /** What each listener has done; live objects. */
  get listenerStats(): readonly ListenerStats[] {
    return this.#transports.stats();
  }

  get underWay(): number {
    return this.#core.underWay;
  }

  /** Another process serves from now on: new connections are its affair. All else goes on. */
  retire(): void {
    this.#watch?.close();
    this.#transports.stopAccepting();
  }

  hangUp(): void {
    this.#transports.hangUp();
  }

  /** True when nothing is left of this process: no transaction, no connection. */
  get idle(): boolean {
    const { serverTransactions, clientTransactions, queries } = this.load;
    const connections = this.listenerStats.reduce((sum, stats) => sum + stats.connections, 0);
    return serverTransactions + clientTransactions + queries + connections === 0;
  }

  leave(): void {
    this.#watch?.close();
    this.#core.leave();
    this.#transports.stopListening();
  }

  async close(): Promise<void> {
    clearTimeout(this.#wake);
    this.#wakeAt = Number.NEGATIVE_INFINITY;
    this.#loadWatch?.close();
    this.#watch?.close();
    this.#registrar?.close();
    this.#locator?.close();
    await this.#transports.close();
  }

  async reload(config: Config): Promise<void> {
    this.#core.setRouteKeys(loadRouteKeys(config.routeKeys, this.#log));
    await this.#transports.reloadCertificates({ specs: listenSpecs(config), tls: config.tls });
    const { registrar } = config;
    if (registrar !== undefined && this.#registrar !== undefined) this.#registrar.reload(registrar);
    else if (registrar !== undefined || this.#registrar !== undefined) {
      const hint = "a group registrar that was added or taken away is taken over at SIGUSR2 or a restart";
      this.#log.warn(hint);
    }
  }

  send(flow: Flow, text: string): void {
    if (CHANNELS.message.hasSubscribers) publishMessage("sent", flow, Buffer.from(text, "latin1"));
    this.#transports.send(flow, text);
  }

  connect(target: Target, listener: Listener): Flow {
    return this.#transports.connect(target, listener);
  }

  locate(queryId: number, query: LocateQuery): LocateResult | undefined {
    const found = this.#locator.locate(query, (result) => {
      const now = this.#clock.now();
      this.#knowPools(query, result);
      this.#core.resolved(queryId, this.#health.apply(result, now, query.inDialog), now);
      this.#schedule();
    });
    if (found !== undefined) this.#knowPools(query, found);
    return found && this.#health.apply(found, this.#clock.now(), query.inDialog);
  }

  /** Outside of dialogs only what the table and the configuration name is located. */
  #knowPools({ inDialog }: LocateQuery, result: LocateResult): void {
    if (result.ok && !inDialog) for (const { address } of result.targets) this.guard.knowPool(address);
  }

  inOrder(targets: readonly Target[]): readonly Target[] {
    return this.#health.order(targets, this.#clock.now(), true);
  }

  reached(target: Target, outcome: AddressOutcome, startedAt: number): void {
    this.#health.report(target, outcome, this.#clock.now(), startedAt);
  }

  watchPools(pools: Iterable<string>): void {
    this.#watch?.pools(pools);
  }

  setDrains(drains: readonly Drain[]): void {
    this.#health.setDrains(drains, this.#clock.now(), Date.now());
  }

  describePools(): readonly AddressReport[] {
    return this.#health.describe(this.#clock.now());
  }

  decide(request: RoutingRequest, source: Flow): Decision {
    return this.#decide(this.#trust === undefined ? request : { ...request, trust: this.#trust.of(source) });
  }

  hears(type: CoreEvent["type"]): boolean {
    return CHANNELS[type].hasSubscribers;
  }

  event(event: CoreEvent): void {
    publishEvent(event);
  }

  #burst(begins: boolean): void {
    if (begins) this.#clock.hold();
    else {
      this.#clock.release();
      this.#schedule();
    }
  }

  #received(bytes: Buffer, flow: Flow): void {
    if (CHANNELS.message.hasSubscribers) publishMessage("received", flow, bytes);
    if (this.#neighbourhood === undefined) this.#receive(bytes, flow);
    else this.#neighbourhood.arrived(bytes, flow);
  }

  /** Who read the datagram has let it in; whether there is room for it here, is seen here. */
  #receiveAmong(bytes: Buffer, flow: Flow, passed: Passed | undefined): void {
    const isDatagram = passed?.settled && flow.transport === "udp";
    const verdict = isDatagram ? this.guard.passedOn(bytes, flow.remoteAddress, flow.remotePort) : "pass";
    if (verdict === "pass") this.#receive(bytes, flow, passed);
    else if (verdict !== "drop") {
      const to = {
        transport: flow.transport,
        address: flow.remoteAddress,
        port: verdict.port,
        host: flow.remoteAddress,
      };
      this.#transports.send(this.#transports.connect(to, flow.listener), verdict.bytes);
    }
  }

  #receive(bytes: Buffer, flow: Flow, passed?: Passed): void {
    this.#core.receive(bytes, flow, this.#clock.now(), passed);
    if (!this.#clock.isHeld) this.#schedule();
  }

  #closed(flow: Flow, reason: string): void {
    this.#neighbourhood?.flowClosed(flow, reason);
    this.#flowClosed(flow, reason);
  }

  #flowClosed(flow: Flow, reason: string): void {
    this.#core.flowClosed(flow, reason, this.#clock.now());
    this.#registrar?.flowClosed(flow);
    this.#schedule();
  }

  /** One timer for all of the core's; it is set anew only when something is due earlier than it would fire. */
  #schedule(): void {
    const due = this.#core.nextDue;
    if (due >= this.#wakeAt) return;
    clearTimeout(this.#wake);
    this.#wakeAt = due;
    this.#wake = setTimeout(() => this.#tick(), Math.min(LONGEST_SLEEP_MS, Math.max(0, due - this.#clock.now())));
  }

  #tick(): void {
    this.#wakeAt = Number.POSITIVE_INFINITY;
    this.#core.tick(this.#clock.now());
    this.#schedule();
  }
}

function randomKey(): readonly [number, number] {
  const random = randomBytes(8);
  return [random.readUInt32LE(0), random.readUInt32LE(4)];
}

function publishMessage(direction: "received" | "sent", source: Flow, bytes: Buffer): void {
  CHANNELS.message.publish({ type: "message", direction, source, bytes } satisfies MessagePassed);
}
