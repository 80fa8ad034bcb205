import type { Test } from "tap";
import type { RedisAccess } from "../../src/endpoints/redis/access.ts";
import { RedisStore } from "../../src/endpoints/redis/redis-store.ts";
import type { Actor, EndpointStore, KnownGateway } from "../../src/endpoints/store.ts";
import { CallStream, type StreamCall } from "../live/call-stream.ts";
import { willingPool } from "../live/pool.ts";
import { eventually } from "../support/eventually.ts";
import { type Closing, GatewayProcess, type LogLine } from "../support/gateway.ts";

/** Two legacy addresses on two pools: an answer tells which row it came from. */
export const ROOMS = "sip:ocschat@contoso.com";
export const OTHER = "sip:other@contoso.com";
export const POOL_A = "pool-a.contoso.com";
export const POOL_B = "pool-b.contoso.com";
export const A = "200 from pool-a";
export const B = "200 from pool-b";
const CALL_EVERY_MS = 120;

export const editor: Actor = { name: "alice", source: "cli", reason: "moving day" };

/** Gateways on one Redis, two pools behind them, and a light stream of calls to each address through each gateway. */
export class Scene {
  readonly gateways: GatewayProcess[] = [];
  readonly #t: Test;
  readonly #hosts: Readonly<Record<string, readonly string[]>>;
  readonly #streams = new Map<string, CallStream[]>([
    [ROOMS, []],
    [OTHER, []],
  ]);

  private constructor(t: Test, hosts: Readonly<Record<string, readonly string[]>>) {
    this.#t = t;
    this.#hosts = hosts;
  }

  static async open(t: Test): Promise<Scene> {
    const [a, b] = [await willingPool(t, "pool-a"), await willingPool(t, "pool-b")];
    return new Scene(t, { [POOL_A]: [a.target("udp")], [POOL_B]: [b.target("tcp")] });
  }

  /** Starts a gateway with calls through it. @param store the group `store` of its configuration */
  async gateway(store: Readonly<Record<string, unknown>>, settings: Record<string, unknown> = {}) {
    const setup = { hosts: this.#hosts, settings: { store: { kind: "redis", ...store }, ...settings } };
    const gateway = await GatewayProcess.start(this.#t, setup);
    this.gateways.push(gateway);
    for (const [address, streams] of this.#streams) {
      streams.push(await CallStream.start(this.#t, gateway.listeners, address, CALL_EVERY_MS));
    }
    return gateway;
  }

  /**
   * Does something while calls run. Every call that is sent meanwhile gets an answer, and one of those that its row may
   * give at that time.
   */
  async meanwhile<T>(t: Test, rooms: readonly string[], other: readonly string[], act: () => Promise<T>): Promise<T> {
    const all = [...this.#streams].flatMap(([address, streams]) => streams.map((stream) => ({ address, stream })));
    const from = all.map(({ stream }) => stream.calls.length);
    const start = performance.now();
    const result = await act();
    const wrong: string[] = [];
    await Promise.all(
      all.map(async ({ address, stream }, index) => {
        // At least one call that is sent and answered while things are as `act` left them.
        await eventually("a call", () => stream.calls.length > from[index]! || undefined);
        const to = stream.calls.length;
        await stream.answered(to);
        const may = address === ROOMS ? rooms : other;
        const bad = (call: StreamCall) => call.answer === undefined || !may.includes(call.answer);
        const told = ({ sentAt, answer }: StreamCall) =>
          `${address}: ${answer ?? "no answer"} to the call at ${Math.round(sentAt - start)} ms`;
        wrong.push(...stream.calls.slice(from[index], to).filter(bad).map(told));
      }),
    );
    t.same(wrong, [], `every call to ${ROOMS} gets ${rooms.join(" or ")}, to ${OTHER} ${other.join(" or ")}`);
    return result;
  }

  /** How many calls there were. */
  get calls(): number {
    return [...this.#streams.values()].flat().reduce((sum, { calls }) => sum + calls.length, 0);
  }
}

/** A store of the test's own, as a command on a machine without a gateway has it. */
export function storeOf(t: Closing, access: RedisAccess, copy?: string): RedisStore {
  const store = new RedisStore({ access, ...(copy === undefined ? {} : { copy }) });
  t.teardown(() => store.close());
  return store;
}

/** Puts the two rows in the table. */
export function twoRows(store: EndpointStore) {
  const add = (sipAddress: string, poolFqdn: string) => ({ kind: "add", endpoint: { sipAddress, poolFqdn } }) as const;
  return store.change([add(ROOMS, POOL_A), add(OTHER, POOL_B)], editor);
}

/** Points an address at a pool. */
export function move(store: EndpointStore, sipAddress: string, poolFqdn: string) {
  return store.change([{ kind: "set", sipAddress, fields: { poolFqdn } }], editor);
}

/** Resolves when a line that comes after the first so many fits. */
export function loggedAfter(gateway: GatewayProcess, lines: number, fits: (line: LogLine) => boolean) {
  return eventually(`a log line that fits ${fits}`, () => gateway.log.slice(lines).find(fits));
}

/** Resolves when a gateway runs a revision, or a later one. */
export function runs(gateway: GatewayProcess, revision: number): Promise<LogLine> {
  return gateway.logged((line) => Number(line["revision"]) >= revision && /in force|is loaded/.test(line.msg));
}

/** Resolves when so many live gateways report one and the same table, and gives them. */
export function agreed(store: EndpointStore, count: number, revision: number): Promise<readonly KnownGateway[]> {
  return eventually(`${count} gateways at revision ${revision}`, async () => {
    const live = (await store.gateways()).filter((gateway) => gateway.live);
    const same = live.every(({ hash, health }) => hash === live[0]!.hash && health.state === "ok");
    return live.length === count && same && live.every((gateway) => gateway.revision === revision) ? live : undefined;
  });
}
