import type { Decision } from "../../src/sip/decision.ts";
import type { Target } from "../../src/sip/flow.ts";
import type { SimSetting } from "./sim-actor.ts";
import { type CallKind, SimCall } from "./sim-call.ts";
import { SimCaller } from "./sim-caller.ts";
import { SimClock } from "./sim-clock.ts";
import { DNS_LIES, type DnsManner, SimDirectory } from "./sim-directory.ts";
import { GATEWAY_IP, SimGateway } from "./sim-gateway.ts";
import { type Conditions, type NetworkWatch, SimNetwork } from "./sim-network.ts";
import { SimOracle } from "./sim-oracle.ts";
import { type InviteMood, ODDITIES, type OtherMood, type PoolMood, type Rejection, SimPool } from "./sim-pool.ts";
import { SimRandom } from "./sim-random.ts";
import { SimStranger } from "./sim-stranger.ts";
import { judgeCalm, judgeEnd } from "./sim-verdict.ts";
import type { SimWire } from "./sim-wire.ts";

export interface RunResult {
  readonly violations: readonly string[];
  readonly features: ReadonlySet<string>;
  readonly trace: readonly string[];
}

/** No run takes longer than this in virtual time: Timer C, then all that follows from it, and long calls. */
const LONGEST_RUN = 30 * 60_000;
const MOST_STEPS = 50_000;

const REJECTIONS: Record<Rejection, number> = {
  "302": 1,
  "401": 1,
  "403": 1,
  "404": 1,
  "407": 1,
  "408": 1,
  "486": 2,
  "500": 1,
  "503": 8,
  "600": 1,
  "603": 1,
};
const INVITE_MOODS: Record<InviteMood, number> = {
  accepts: 30,
  "accepts late": 5,
  "accepts twice": 3,
  "wakes late": 4,
  "rings long": 2,
  "rings for ever": 2,
  "only tries": 1,
  silent: 6,
  ...REJECTIONS,
};
const OTHER_MOODS: Record<OtherMood, number> = { accepts: 20, "accepts late": 6, silent: 4, ...REJECTIONS };
/** Where nothing is lost, or where the network does what networks do, or where hosts and connections go down too. */
type Weather = "calm" | "rough" | "breaking";

/** The addresses at which the actors of a world get datagrams. */
export const ACTOR_ADDRESSES: readonly string[] = [
  ...[1, 2, 3].flatMap((n) => [`10.0.0.${n}:5060`, `10.0.0.${n}:40000`, `10.0.2.${n}:5060`]),
  "10.0.9.9:5060",
];
/** Over real sockets: what comes within so many ms comes in one burst. */
const BURST_MS = 10;

/** One seed: a world made by it, run to its end, and judged. */
export function runSeed(seed: number, tracing = false): RunResult {
  const world = new SimWorld(seed, tracing);
  world.run();
  return { violations: world.violations, features: world.features, trace: world.traced };
}

/** The same with the gateway's datagrams on real sockets. */
export async function runSeedOver(wire: SimWire, seed: number, tracing = false): Promise<RunResult> {
  const world = new SimWorld(seed, tracing, wire);
  await world.runOverWire(wire);
  return { violations: world.violations, features: world.features, trace: world.traced };
}

class SimWorld implements SimSetting {
  readonly clock = new SimClock();
  readonly directory = new SimDirectory(GATEWAY_IP);
  readonly random: SimRandom;
  readonly network: SimNetwork;
  readonly violations: string[] = [];
  readonly features = new Set<string>();
  readonly traced: string[] = [];
  readonly #weather: Weather;
  readonly #oracle: SimOracle;
  readonly #gateway: SimGateway;
  readonly #table = new Map<string, Decision>();
  readonly #calls: SimCall[] = [];
  readonly #pools: SimPool[] = [];
  readonly #tracing: boolean;
  #steps = 0;

  constructor(seed: number, tracing: boolean, wire?: SimWire) {
    this.#tracing = tracing;
    const random = new SimRandom(seed);
    this.random = random;
    this.#weather = random.weighted({ calm: 35, rough: 40, breaking: 25 });
    const calm = this.#weather === "calm";
    const conditions: Conditions = {
      loss: calm ? 0 : random.pick([0.02, 0.1, 0.3]),
      duplication: calm ? 0 : random.pick([0, 0.1, 0.3]),
      delay: random.int(1, 30),
      jitter: random.pick(calm ? [0, 30, 60] : [0, 50, 250]),
      tearing: this.#weather === "breaking" ? 0.03 : 0,
      ...(wire && { burst: BURST_MS }),
    };
    const watch: NetworkWatch = {
      note: (feature) => this.note(feature),
      trace: (from, to, fate, message) => {
        if (tracing) this.#trace(from, to, fate, typeof message === "string" ? message : message.summary);
      },
    };
    this.network = new SimNetwork(this.clock, random, conditions, watch, wire);
    const signed = random.chance(0.6);
    this.#oracle = new SimOracle(this, (requestUri) => this.#decide(requestUri), signed);
    this.#gateway = new SimGateway(this, this.#oracle, seed, signed ? [[1, seed]] : []);
    if (signed && random.chance(0.2)) {
      this.clock.after(random.int(0, 6000), () => {
        this.note("keys for Record-Route changed");
        this.#gateway.core.setRouteKeys([
          [2, seed],
          [1, seed],
        ]);
      });
    }
    for (const name of ["gw.contoso.com", "gw-b.contoso.com"]) this.directory.add(name, { address: GATEWAY_IP });
    this.#addPools();
    this.#addCallers();
    this.#addMischief(signed);
  }

  note = (feature: string): void => {
    this.features.add(feature);
  };

  violation(text: string): void {
    if (this.violations.length < 20) this.violations.push(`at ${this.clock.now} ms: ${text}`);
    if (this.#tracing) this.#trace("", "", "VIOLATION", text);
  }

  run(): void {
    while (this.#step());
    this.#judge();
  }

  async runOverWire(wire: SimWire): Promise<void> {
    while (this.#step()) {
      if (wire.isIdle) continue;
      // What else arrives at this moment is part of the same burst.
      const { now, nextDue } = this.clock;
      if (nextDue > now || this.#gateway.core.nextDue <= now) await wire.settle();
    }
    this.#judge();
  }

  /** Lets the next thing happen. @returns false when there is none, or the run takes too long */
  #step(): boolean {
    const { core } = this.#gateway;
    const { clock } = this;
    const next = Math.min(clock.nextDue, core.nextDue);
    if (next === Number.POSITIVE_INFINITY) return false;
    if (next > LONGEST_RUN || ++this.#steps > MOST_STEPS) {
      this.violation(`the run does not end: ${JSON.stringify(core.load)}`);
      return false;
    }
    if (core.nextDue <= clock.nextDue) {
      clock.now = core.nextDue;
      core.tick(clock.now);
    } else clock.step();
    return true;
  }

  #judge(): void {
    const { core } = this.#gateway;
    if (Object.values(core.load).some((count) => count !== 0)) {
      this.violation(`something is left in the core: ${JSON.stringify(core.load)}`);
    }
    judgeEnd(this, this.#oracle);
    if (this.#weather !== "calm") return;
    judgeCalm(this, this.#oracle, this.#calls);
  }

  #trace(from: string, to: string, fate: string, text: string): void {
    const names = [from, to].map((address) => this.network.at(address.replace(/:\d+$/, ":5060"))?.name ?? address);
    const mark = fate === "" ? "" : ` (${fate})`;
    this.traced.push(`${String(this.clock.now).padStart(7)} ${names[0]} -> ${names[1]}${mark}  ${text}`);
  }

  #decide(requestUri: string): Decision {
    const address = requestUri.slice(4).toLowerCase();
    const decision = this.#table.get(address) ?? reject(404, "no endpoint");
    this.note(`decision: ${decision.kind}`);
    return decision;
  }

  #addPools(): void {
    const { random, directory } = this;
    const count = random.int(1, 3);
    const targets: Target[] = [];
    for (let n = 1; n <= count; n++) {
      const transport = random.pick(["udp", "tcp"] as const);
      const ip = `10.0.2.${n}`;
      const pool = new SimPool(this, `pool${n}`, ip, transport, this.#mood());
      if (this.#weather === "calm" ? random.chance(0.06) : random.chance(0.1)) {
        pool.reach = random.pick(["refusing", "silent"] as const);
      }
      this.network.attach(pool, `${ip}:5060`);
      this.#pools.push(pool);
      directory.add(`pool${n}.contoso.com`, { address: ip, ...this.#lateness(0.1) });
      targets.push({ transport, address: ip, port: 5060, host: `pool${n}.contoso.com` });
    }
    const split = random.int(1, count);
    directory.add("pcpool.contoso.com", { targets: targets.slice(0, split), ...this.#dns() });
    directory.add("backup.contoso.com", { targets: targets.slice(split), ...this.#dns() });
    const both = ["sip:pcpool.contoso.com", "sip:backup.contoso.com"];
    this.#table.set("ocschat@contoso.com", this.#proxyTo(split < count ? both : both.slice(0, 1)));
    this.#table.set("moved@contoso.com", {
      kind: "redirect",
      status: random.pick([302, 303] as const),
      contacts: ["sip:ocschat@pcpool.contoso.com"],
      endpoint: "sip:moved@contoso.com",
    });
    this.#table.set("loop@contoso.com", this.#proxyTo(["sip:gw.contoso.com:5060;transport=udp"], false));
    if (random.chance(0.15)) this.clock.after(random.int(0, 9000), () => this.#changeTable());
    if (random.chance(0.04)) {
      this.note("table changed all the time");
      for (let at = 0; at < 9000; at += 150) this.clock.after(at, () => this.#churnTable());
    }
    if (this.#weather === "breaking") for (const pool of this.#pools) this.#plague(pool);
  }

  #mood(): PoolMood {
    const { random } = this;
    return {
      invite: random.weighted(INVITE_MOODS),
      other: random.weighted(OTHER_MOODS),
      answersAfter: random.pick([0, 20, 300, 3000]),
      provisionals: random.chance(0.7),
      rfc4320: random.chance(0.6),
      ignoresCancel: random.chance(0.1),
      oddity: random.chance(0.1) ? random.pick(ODDITIES) : undefined,
      info: random.pick([...Array<200>(20).fill(200), 401, 500, 503] as const),
    };
  }

  #dns(): { manner: DnsManner; delay: number } {
    if (this.random.chance(0.06)) return { manner: this.random.pick(["fails", "fails late"] as const), delay: 700 };
    if (this.random.chance(0.1)) return { manner: this.random.pick(DNS_LIES), delay: 20_000 };
    return this.#lateness(0.2);
  }

  #lateness(probability: number): { manner: DnsManner; delay: number } {
    const late = this.random.chance(probability);
    return { manner: late ? "late" : "at once", delay: this.random.pick([10, 300, 1500]) };
  }

  #proxyTo(nextHops: readonly string[], rewritten = this.random.chance(0.2)): Decision {
    const endpoint = "sip:ocschat@contoso.com";
    if (!rewritten) return { kind: "proxy", nextHops, endpoint };
    return { kind: "proxy", nextHops, endpoint, requestUri: "sip:OCSChat@pcpool.contoso.com" };
  }

  #changeTable(): void {
    this.note("table changed");
    const decision = this.random.pick<Decision>([
      reject(480, "switched off"),
      this.#proxyTo(["sip:backup.contoso.com"]),
      this.#table.get("moved@contoso.com")!,
    ]);
    this.#table.set("ocschat@contoso.com", decision);
    if (this.random.chance(0.3)) this.#table.delete("moved@contoso.com");
  }

  /** One of the rows comes, goes, or leads elsewhere. */
  #churnTable(): void {
    const { random } = this;
    const row = random.pick(["ocschat@contoso.com", "moved@contoso.com", "loop@contoso.com"]);
    if (random.chance(0.2)) this.#table.delete(row);
    else {
      const pools = random.pick([["sip:pcpool.contoso.com"], ["sip:backup.contoso.com", "sip:pcpool.contoso.com"]]);
      this.#table.set(row, random.chance(0.2) ? reject(410, "retired") : this.#proxyTo(pools));
    }
  }

  /** A host goes down, for good; connections break. */
  #plague(pool: SimPool): void {
    const { random, clock, network } = this;
    if (random.chance(0.4)) {
      clock.after(random.int(0, 6000), () => {
        pool.reach = random.pick(["refusing", "silent"] as const);
        this.note("host went down");
        if (pool.reach === "refusing") network.breakConnectionsOf(pool);
      });
    }
    for (let i = 0; i < 2; i++) {
      clock.after(random.int(0, 8000), () => {
        const streams = [...network.streams];
        if (streams.length === 0) return;
        this.note("connection broke");
        random.pick(streams).breakDown("ECONNRESET");
      });
    }
  }

  #addCallers(): void {
    const { random, directory } = this;
    const callers = random.int(1, 3);
    for (let n = 1; n <= callers; n++) {
      const ip = `10.0.0.${n}`;
      const transport = random.pick(["udp", "tcp"] as const);
      const sourcePort = random.chance(0.3) ? 40_000 : 5060;
      const caller = new SimCaller(this, `fe${n}`, ip, {
        transport,
        gateway: `${GATEWAY_IP}:${transport === "udp" && random.chance(0.3) ? 5070 : 5060}`,
        frontEnd: random.chance(0.75),
        rport: transport === "udp" && random.chance(0.5),
        sourcePort,
        acknowledges: random.chance(0.85),
        compactNames: random.chance(0.15),
        joinedVias: random.chance(0.2),
      });
      this.network.attach(caller, `${ip}:5060`, `${ip}:40000`);
      directory.add(`fe${n}.contoso.com`, { address: ip, ...this.#lateness(0.1) });
      const calls = random.int(1, 3);
      for (let i = 1; i <= calls; i++) this.#addCall(caller, `call-${n}-${i}`);
    }
  }

  #addCall(caller: SimCaller, callId: string): void {
    const { random } = this;
    const kind: CallKind = random.weighted({ call: 12, subscription: 3, message: 2, "stray BYE": 1 });
    const call = new SimCall(caller, this, callId, {
      kind,
      dials: random.weighted({
        "sip:OCSChat@contoso.com": 20,
        "sip:moved@contoso.com": 2,
        "sip:nobody@contoso.com": 1,
        "sip:loop@contoso.com": 1,
      }),
      cancelsAfter: random.chance(0.25) ? random.pick([0, 1, 15, 40, 300, 2900, 3050, 9000]) : undefined,
      poolHangsUp: random.chance(0.3),
      reInvites: random.chance(0.15),
      lingers: random.pick([0, 100, 5000]),
    });
    this.note(`call: ${kind}`);
    if (!caller.habits.acknowledges) this.note("caller that acknowledges no failure");
    this.#calls.push(call);
    this.clock.after(random.int(0, 5000), () => call.start());
  }

  #addMischief(signed: boolean): void {
    const { random } = this;
    if (!random.chance(0.3)) return;
    const stranger = new SimStranger(this, "10.0.9.9", `${GATEWAY_IP}:5060`);
    this.network.attach(stranger, "10.0.9.9:5060");
    for (let i = 0; i < 3; i++) this.clock.after(random.int(0, 6000), () => stranger.act(i, signed));
  }
}

function reject(status: number, explanation: string): Decision {
  return { kind: "reject", status, reason: "Not Here", explanation };
}
