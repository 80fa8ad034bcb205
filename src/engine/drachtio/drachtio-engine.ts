import type { Logger } from "pino";
import { hostPort } from "../../address.ts";
import type { Config, DrachtioConfig } from "../../config/config.ts";
import type { Drain } from "../../drained-address.ts";
import { WaypostError } from "../../errors.ts";
import { TrustRules } from "../../guard/trust.ts";
import { CHANNELS, publishEvent } from "../../observe/channels.ts";
import type { EngineCapabilities } from "../../routing/capabilities.ts";
import type { Decision, RoutingRequest } from "../../sip/decision.ts";
import { type Flow, familyOf, type Listener, type Target } from "../../sip/flow.ts";
import { Header } from "../../sip/header-names.ts";
import type { SipMessage } from "../../sip/message.ts";
import { capabilitiesOf } from "../capabilities.ts";
import type { Engine } from "../engine.ts";
import type { Call } from "./call.ts";
import { CallIn } from "./call-in.ts";
import { PACE, type Pace } from "./pace.ts";
import { missingListeners, ownPlaces } from "./places.ts";
import { ServerLink } from "./server-link.ts";
import type { Session } from "./session.ts";
import { type AnswerVerdict, failure, type Means, type ProxyVerdict, verdictOn } from "./verdict.ts";

/** Until the server itself gives up on a pool that does not answer (64 × T1), and some room. */
const GIVES_UP_MS = 40_000;

export interface DrachtioEngineSetup {
  readonly config: Config;
  readonly log: Logger;
  /** Where a request outside of dialogs goes; answers from memory. */
  readonly decide: (request: RoutingRequest) => Decision;
  /** For tests. */
  readonly pace?: Partial<Pace>;
}

/**
 * Drives drachtio-servers through drachtio-srf: they move the messages, we decide. A request comes in as plain data and
 * leaves as one verdict that is carried out within a deadline; nothing of the library leaves this folder.
 */
export class DrachtioEngine implements Engine {
  readonly capabilities: EngineCapabilities;
  readonly listeners: readonly Listener[];
  readonly #log: Logger;
  readonly #decide: (request: RoutingRequest) => Decision;
  readonly #pace: Pace;
  readonly #means: Means;
  readonly #timers: Config["timers"];
  readonly #links: readonly ServerLink[];
  readonly #trust: TrustRules;
  #callIn: CallIn | undefined;
  #answering = 0;

  private constructor({ config, log, decide, pace }: DrachtioEngineSetup, drachtio: DrachtioConfig) {
    this.#log = log;
    this.#decide = decide;
    this.#pace = { ...PACE, ...pace };
    this.#timers = config.timers;
    this.capabilities = capabilitiesOf(config);
    this.listeners = config.listen.map(({ transport, host, port, advertise }) => ({
      transport,
      family: familyOf(host),
      address: host,
      port,
      advertisedHost: advertise?.host ?? host,
      advertisedPort: advertise?.port ?? port,
    }));
    this.#trust = new TrustRules(
      config.listen.flatMap(({ trust }, i) => (trust ? [[this.listeners[i]!, trust] as const] : [])),
    );
    this.#means = {
      name: this.listeners[0]!.advertisedHost,
      own: ownPlaces(config.listen, drachtio.dnsNames),
      hosts: config.resolve.hosts,
      proxies: this.capabilities.proxies === "any" ? [] : this.capabilities.proxies,
    };
    this.#links = drachtio.servers.map((place) => {
      return new ServerLink(place, drachtio, log, this.#pace, {
        up: (hostPorts) => this.#compare(hostPorts),
        call: (call) => void this.#serve(call),
      });
    });
  }

  /**
   * Dials every server and waits for the first attempts; a server that is away is dialled again and again.
   * @throws WaypostError LISTENER_FAILED, or ENGINE_REFUSED when every server refuses the secret; nothing is left open
   */
  static async start(setup: DrachtioEngineSetup): Promise<DrachtioEngine> {
    const drachtio = setup.config.drachtio;
    if (drachtio === undefined) throw new WaypostError("CONFIG_INVALID", "engine drachtio needs the group drachtio");
    const engine = new DrachtioEngine(setup, drachtio);
    try {
      if (drachtio.listen !== undefined) {
        const done = async (call: Call, session: Session): Promise<void> => {
          await engine.#serve(call);
          // The connection is of this one request.
          session.close();
        };
        engine.#callIn = await CallIn.listen(drachtio.listen, drachtio, setup.log, engine.#pace, (call, session) => {
          void done(call, session);
        });
      }
      await Promise.all(engine.#links.map(({ settled }) => settled));
      const refused = engine.#links.filter((link) => link.refused).map(({ name }) => name);
      if (refused.length > 0 && refused.length === engine.#links.length && engine.#callIn === undefined) {
        throw new WaypostError("ENGINE_REFUSED", `drachtio-server ${refused.join(" and ")} refused the secret`);
      }
      return engine;
    } catch (error) {
      await engine.close();
      throw error;
    }
  }

  get unanswered(): number {
    return this.#links.reduce((count, { underWay }) => count + underWay, this.#callIn?.underWay ?? 0);
  }

  get fault(): string | undefined {
    if (this.#callIn !== undefined || this.#links.some((link) => link.fault === undefined)) return undefined;
    return this.#links.map((link) => `drachtio-server ${link.name}: ${link.fault}`).join("; ");
  }

  async reload({ drachtio }: Config): Promise<void> {
    if (drachtio === undefined) return;
    for (const link of this.#links) link.reload(drachtio);
    this.#callIn?.reload(drachtio);
  }

  /** drachtio-server does not ask pools how they are. */
  watchPools(): void {}

  /** The servers choose among the addresses of a pool. */
  setDrains(drains: readonly Drain[]): void {
    if (drains.length === 0) return;
    const remedy = "take the address out of DNS, or point the endpoint at another pool";
    this.#log.error({ drains: drains.length, remedy }, "drachtio-server cannot be told to spare single addresses");
  }

  /** Answers that a server has not confirmed. A call that it proxies goes on without us. */
  get underWay(): number {
    return this.#answering;
  }

  /** The servers hold the transactions. */
  get load() {
    return { serverTransactions: 0, clientTransactions: 0 };
  }

  get tables() {
    return [];
  }

  /** The servers have the connections. */
  get listenerStats() {
    return [];
  }

  describePools() {
    return [];
  }

  leave(): void {
    for (const link of this.#links) link.leave();
    this.#callIn?.leave();
  }

  /** The servers share their requests out among those that are connected; who has left gets no more. */
  retire(): void {
    this.leave();
  }

  /** The connections are the servers' own. */
  hangUp(): void {}

  get idle(): boolean {
    return this.#answering === 0;
  }

  async close(): Promise<void> {
    for (const link of this.#links) link.close();
    this.#callIn?.close();
  }

  #compare(hostPorts: string): void {
    for (const missing of missingListeners(this.listeners, hostPorts)) {
      const remedy = "make `listen` in the configuration and <contacts> in drachtio.conf.xml say the same";
      this.#log.warn({ missing, sip: hostPorts, remedy }, "drachtio-server does not listen where `listen` says");
    }
  }

  async #serve(call: Call): Promise<void> {
    const startedAt = performance.now();
    const verdict = this.#judge(call);
    if (verdict.kind === "answer") await this.#answer(call, verdict, startedAt);
    else await this.#proxy(call, verdict, startedAt);
  }

  #judge(call: Call): AnswerVerdict | ProxyVerdict {
    const decide = ({ method, requestUri }: SipMessage): Decision => {
      const { transport, sourceAddress } = call;
      return this.#decide({ method, requestUri, transport, sourceAddress, trust: this.#trust.of(this.#flowOf(call)) });
    };
    try {
      return verdictOn(call.request, decide, this.#means);
    } catch (error) {
      this.#log.error({ reason: (error as Error).stack }, "a request could not be decided");
      return failure(this.#means.name);
    }
  }

  async #answer(call: Call, verdict: AnswerVerdict, startedAt: number): Promise<void> {
    const { status, reason, headers, decision, endpoint } = verdict;
    this.#answering++;
    const carried = await call.answer(status, reason, headers, this.#pace.answerMs);
    this.#answering--;
    const sent = carried.done ? status : 0;
    const explanation = carried.done ? verdict.explanation : carried.reason;
    this.#report(call, startedAt, { decision, endpoint, status: sent, explanation, target: undefined });
  }

  async #proxy(call: Call, { destinations, endpoint }: ProxyVerdict, startedAt: number): Promise<void> {
    const provisionalTimeout = `${this.#timers.firstResponseMs}ms`;
    const options = { recordRoute: true, ...(destinations.length > 1 ? { provisionalTimeout } : {}) };
    const withinMs = this.#timers.ringingMs * destinations.length + GIVES_UP_MS;
    const carried = await call.proxy(destinations, options, withinMs);
    const last = carried.done ? carried.result.responses.at(-1) : undefined;
    const target = last && { transport: call.transport, address: last.address, port: last.port, host: last.address };
    // Where no pool answered, the server made a 408 of its own.
    const status = carried.done ? (carried.result.finalStatus ?? 408) : 0;
    const explanation = carried.done ? (last ? undefined : "no pool answered") : carried.reason;
    this.#report(call, startedAt, { decision: "proxy", endpoint, status, explanation, target });
  }

  #report(
    call: Call,
    startedAt: number,
    outcome: {
      readonly decision: Decision["kind"] | "self";
      readonly endpoint: string | undefined;
      readonly status: number;
      readonly explanation: string | undefined;
      readonly target: Target | undefined;
    },
  ): void {
    if (!CHANNELS.request.hasSubscribers) return;
    const { message } = call;
    publishEvent({
      type: "request",
      method: message?.method ?? "",
      requestUri: message?.requestUri ?? "",
      callId: message?.callId ?? "",
      from: message?.value(Header.From) ?? "",
      source: this.#flowOf(call),
      durationMs: performance.now() - startedAt,
      ...outcome,
    });
  }

  #flowOf({ transport, sourceAddress, sourcePort, receivedOn }: Call): Flow {
    const sameTransport = this.listeners.filter((one) => one.transport === transport);
    const exact = sameTransport.find(({ address, port }) => hostPort(address, port) === receivedOn);
    const listener = exact ?? sameTransport[0] ?? this.listeners[0]!;
    return { listener, transport, remoteAddress: sourceAddress, remotePort: sourcePort, open: true };
  }
}
