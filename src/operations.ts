import { hostname } from "node:os";
import type { Logger } from "pino";
import { AggregatorRegistry, Registry } from "prom-client";
import { hostPort } from "./address.ts";
import type { AdminServer, AdminSources } from "./admin/server.ts";
import type { AdminConfig, Config } from "./config/config.ts";
import { addressKey } from "./endpoints/address-key.ts";
import type { EndpointTable } from "./endpoints/table.ts";
import type { Engine, RegistrationReport } from "./engine/engine.ts";
import { tapCallLog } from "./observe/call-log.ts";
import { Taps } from "./observe/channels.ts";
import { endpointMetrics } from "./observe/metrics/endpoints.ts";
import { engineMetrics } from "./observe/metrics/engine.ts";
import { guardMetrics } from "./observe/metrics/guard.ts";
import { gauge } from "./observe/metrics/parts.ts";
import { processMetrics } from "./observe/metrics/process.ts";
import { registrationMetrics } from "./observe/metrics/registrations.ts";
import { requestMetrics } from "./observe/metrics/requests.ts";
import { Readiness } from "./observe/readiness.ts";
import { type CallerReport, mergeCallers, Usage } from "./observe/usage.ts";
import type { Question } from "./supervisor/messages.ts";
import { version } from "./version.ts";

/** A ban as it is shown; `until` in ms since 1970. */
type Ban = Awaited<ReturnType<AdminSources["bans"]>>[number];

/** The types of metrics that only grow, as prom-client names them. */
const GROWING = ["counter", "histogram"];

/** What a gateway that is one of several processes knows of the others; see GatewayHost. */
export interface OperationsHost {
  readonly replaces: boolean;
  askAll(question: Question): Promise<readonly unknown[]>;
}

/** The parts of a gateway that serves calls, as far as they are shown. */
export interface ServingParts {
  readonly engine: Engine;
  readonly table: EndpointTable;
  /** Whether the store of the table is well. */
  readonly isStoreWell: () => boolean;
}

/**
 * What operators see of a gateway: the log of its calls, its readiness, its metrics, and the HTTP server that shows
 * them. It is there before the table is loaded, and goes last.
 */
export class Operations implements AdminSources {
  /** Whether calls should come; parts that can say no add their check. */
  readonly readinessChecks = new Readiness();
  /** Parts that count something put it in here; see src/observe/metrics/parts.ts. Shown only with an admin server. */
  readonly registry = new Registry();
  readonly #config: Config;
  readonly #log: Logger;
  readonly #host: OperationsHost | undefined;
  #server: AdminServer | undefined;
  #taps: Taps | undefined;
  #usage: Usage | undefined;
  #serving: ServingParts | undefined;
  #draining: string | undefined;
  #withdrawn = false;
  #endProcessMetrics = (): void => {};

  private constructor(config: Config, log: Logger, host: OperationsHost | undefined) {
    this.#host = host;
    this.#config = config;
    this.#log = log;
    this.readinessChecks.add("drain", () => this.#draining);
    this.readinessChecks.add("table", () => (this.#serving === undefined ? "the table is not loaded yet" : undefined));
    this.readinessChecks.add("engine", () => this.#serving?.engine.fault);
    this.readinessChecks.add("pools", () => this.#whyNoPool());
  }

  /** @throws WaypostError ADMIN_FAILED when the configured address cannot be served at */
  static async start(config: Config, log: Logger, host?: OperationsHost): Promise<Operations> {
    const operations = new Operations(config, log, host);
    if (config.admin !== undefined) {
      operations.#endProcessMetrics = processMetrics(operations.registry, version());
      // While others serve, they show how the gateway is.
      if (!host?.replaces) await operations.open();
    }
    return operations;
  }

  /** Serves the administration, if that is wanted and not so already. @throws WaypostError ADMIN_FAILED */
  async open(): Promise<void> {
    const { admin } = this.#config;
    if (admin === undefined || this.#server !== undefined) return;
    // Only a gateway that serves it has to load an HTTP server.
    const { AdminServer } = await import("./admin/server.ts");
    const server = await AdminServer.start({ ...admin, names: ownNames(this.#config) }, this);
    this.#server = server;
    this.#log.info({ url: `http://${hostPort(server.host, server.port)}` }, "the administration is served");
  }

  /** Leaves the administration to another process. What was counted can still be asked for. */
  async withdraw(): Promise<void> {
    this.#withdrawn = true;
    await this.#server?.close();
  }

  /** Where the administration is served; undefined where the configuration has none. */
  get address(): { readonly host: string; readonly port: number } | undefined {
    return this.#server;
  }

  /** The gateway has its table and listens. Nothing of it is heard before. */
  serve(parts: ServingParts): void {
    this.#serving = parts;
    this.#taps = new Taps(parts.engine.listeners);
    tapCallLog(this.#taps, this.#log);
    if (this.#config.admin !== undefined) this.#measure(parts, this.#taps, this.#config.admin);
  }

  /** New calls should go elsewhere from now on. @param reason a sentence for people */
  drain(reason: string): void {
    this.#draining = reason;
  }

  async close(): Promise<void> {
    this.#taps?.close();
    this.#endProcessMetrics();
    await this.#server?.close();
  }

  readiness() {
    return this.readinessChecks.report();
  }

  async metrics() {
    let { registry }: { registry: Registry } = this;
    if (this.#host !== undefined)
      registry = AggregatorRegistry.aggregate([...(await this.#ask<object>({ about: "metrics" }))]);
    return { type: registry.contentType, text: await registry.metrics() };
  }

  /** Of all processes; each has bans of its own. */
  async bans() {
    const longest = new Map<string, Ban>();
    for (const ban of (await this.#ask<Ban[]>({ about: "bans" })).flat()) {
      if (ban.until > (longest.get(ban.source)?.until ?? 0)) longest.set(ban.source, ban);
    }
    return [...longest.values()];
  }

  async liftBans(address: string | undefined): Promise<number> {
    return sum(await this.#ask<number>({ about: "lifted-bans", address }));
  }

  async callers(endpoint: string | undefined): Promise<CallerReport> {
    return mergeCallers(await this.#ask<CallerReport>({ about: "callers", endpoint }));
  }

  async registrations(endpoint: string | undefined): Promise<readonly object[]> {
    return (await this.#ask<object[]>({ about: "registrations", endpoint })).flat();
  }

  async register(endpoint: string | undefined): Promise<number> {
    return sum(await this.#ask<number>({ about: "registered-anew", endpoint }));
  }

  /** What each of the processes that serve has to say. */
  async #ask<Answer>(question: Question): Promise<readonly Answer[]> {
    const answers = this.#host === undefined ? [await this.answer(question)] : await this.#host.askAll(question);
    return answers as readonly Answer[];
  }

  /** What this process alone has to say, or has done. */
  async answer(question: Question): Promise<unknown> {
    switch (question.about) {
      case "metrics":
        return this.registry.getMetricsAsJSON();
      case "totals":
        return (await this.registry.getMetricsAsJSON()).filter(({ type }) => GROWING.includes(String(type)));
      case "callers":
        return this.#ownCallers(question.endpoint);
      case "bans":
        return this.#ownBans();
      case "lifted-bans":
        return this.#liftOwnBans(question.address);
      case "registrations":
        return this.#ownRegistrations(question.endpoint);
      case "registered-anew":
        return this.#registerOwn(question.endpoint);
    }
  }

  #ownCallers(endpoint: string | undefined): CallerReport {
    const usage = this.#usage;
    if (usage === undefined) return { callers: [], forgotten: 0 };
    return { callers: usage.callers(endpoint && this.#asWritten(endpoint)), forgotten: usage.forgottenCallers };
  }

  #ownBans(): Ban[] {
    const bans = this.#serving?.engine.guard?.bans() ?? [];
    return bans.map(({ source, why, until }) => ({ source, why, until: Date.now() + until - performance.now() }));
  }

  #liftOwnBans(address: string | undefined): number {
    const lifted = this.#serving?.engine.guard?.lift(address) ?? 0;
    if (lifted > 0) this.#log.info({ address: address ?? "all", lifted }, "bans were lifted");
    return lifted;
  }

  #ownRegistrations(endpoint: string | undefined): readonly RegistrationReport[] {
    const all = this.#registrar?.describe() ?? [];
    const meant = endpoint && this.#asWritten(endpoint);
    return meant === undefined ? all : all.filter((registration) => registration.endpoint === meant);
  }

  #registerOwn(endpoint: string | undefined): number {
    return this.#registrar?.trigger(endpoint && this.#asWritten(endpoint)) ?? 0;
  }

  /** None once another process registers in the place of this one. */
  get #registrar() {
    return this.#withdrawn ? undefined : this.#serving?.engine.registrar;
  }

  #measure({ engine, table, isStoreWell }: ServingParts, taps: Taps, admin: AdminConfig): void {
    const { registry } = this;
    this.#usage = new Usage(taps, { endpoints: admin.endpointSeries, callers: admin.callers });
    requestMetrics(registry, taps);
    endpointMetrics(registry, table, this.#usage, admin.endpointSeries);
    engineMetrics(registry, engine);
    if (engine.guard !== undefined) guardMetrics(registry, engine.guard);
    registrationMetrics(registry, taps, () => engine.registrar?.describe() ?? []);
    const flag = (name: `waypost_${string}`, help: string, aggregator: "min" | "max", value: () => boolean): void =>
      gauge(registry, { name, help, aggregator }, (put) => put(value() ? 1 : 0));
    flag("waypost_store_up", "1 while the store of the table is well, else 0", "min", isStoreWell);
    flag("waypost_ready", "1 while new calls should come here, else 0", "min", () => this.readiness().ready);
    flag("waypost_draining", "1 while the gateway finishes what runs, else 0", "max", () => {
      return this.#draining !== undefined;
    });
  }

  /** The address as its row writes it, so that `OCSChat@contoso.com` finds what was counted for `sip:ocschat@…`. */
  #asWritten(endpoint: string): string {
    const key = addressKey(/^sips?:/i.test(endpoint) ? endpoint : `sip:${endpoint}`);
    const row = key === undefined ? undefined : this.#serving?.table.find(key);
    return row?.sipAddress ?? endpoint;
  }

  /** All pools down: each address that was tried fails, and there is at least one. */
  #whyNoPool(): string | undefined {
    const known = this.#serving?.engine.describePools() ?? [];
    const works = ({ observed }: { observed: string }): boolean => observed === "up" || observed === "due";
    if (known.length === 0 || known.some(works)) return undefined;
    return `no address of any pool works: ${known
      .map(({ target }) => target.host)
      .slice(0, 3)
      .join(", ")}`;
  }
}

/** By which names people ask for the administration: this machine's, and those that the configuration knows. */
function ownNames({ admin, listen }: Config): string[] {
  const name = hostname();
  const advertised = listen.flatMap(({ advertise }) => (advertise === undefined ? [] : [advertise.host]));
  return [name, name.split(".", 1)[0]!, ...advertised, ...(admin?.names ?? [])];
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
