import { FrontEnd } from "./front-end.ts";
import { Ladder } from "./ladder.ts";
import { LegacyClient } from "./legacy-client.ts";
import type { BrokenRule } from "./recorder.ts";
import { LOBBY, type Misbehaviour, SamplePool } from "./sample-pool.ts";
import { hostPort } from "./sip-text.ts";
import type { Step } from "./steps.ts";
import type { Address } from "./wire.ts";

/** The names under which the gateway has to find the sample pool and the sample front end. */
export const POOL_NAME = "pcpool.contoso.com";
export const FRONT_END_NAME = "fe01.contoso.com";

export interface StageOptions {
  /** Where the front end listens. Default 127.0.0.1:5160; port 0 takes a free one. */
  readonly frontEnd?: Address;
  /** Where the pool listens. Default 127.0.0.1:5090; port 0 takes a free one. */
  readonly pool?: Address;
  readonly misbehave?: Misbehaviour;
  /** Let the front end follow redirects, which the client never does. */
  readonly recurse3xx?: boolean;
}

export interface RunOptions {
  /** A gateway that listens already, TCP. */
  readonly gateway: Address;
  /** What the client dials. Default `sip:ocschat@contoso.com`. */
  readonly legacyAddress?: string;
  /** How long the client waits for each message, in milliseconds. Default 10,000. */
  readonly stepTimeout?: number;
  readonly line?: string;
  /** Gets a line of text after each step. */
  readonly print?: (line: string) => void;
}

export interface DemoResult {
  readonly ok: boolean;
  /** Every step taken, in order. */
  readonly steps: readonly Step[];
  /** The step that failed; its detail says why. Absent when all went well, or when only a rule was broken. */
  readonly failed?: Step;
  /** What a part did against the rules of the wire, even where the session went on. */
  readonly broken: readonly BrokenRule[];
  readonly ladder: Ladder;
}

/** The sample pool and the sample front end, up and waiting for a gateway between them. */
export class DemoStage {
  readonly ladder: Ladder;
  readonly pool: SamplePool;
  readonly frontEnd: FrontEnd;

  private constructor(ladder: Ladder, pool: SamplePool, frontEnd: FrontEnd) {
    this.ladder = ladder;
    this.pool = pool;
    this.frontEnd = frontEnd;
  }

  /** Starts both; rejects when an address is taken. */
  static async start(options: StageOptions = {}): Promise<DemoStage> {
    const ladder = new Ladder();
    const loopback = (port: number): Address => ({ address: "127.0.0.1", port });
    const pool = new SamplePool({
      listen: options.pool ?? loopback(5090),
      name: POOL_NAME,
      misbehave: options.misbehave ?? {},
      recorder: ladder,
    });
    await pool.start();
    const frontEnd = new FrontEnd({
      listen: options.frontEnd ?? loopback(5160),
      name: FRONT_END_NAME,
      resolve: { [POOL_NAME]: pool.address },
      recurse3xx: options.recurse3xx ?? false,
      recorder: ladder,
    });
    try {
      await frontEnd.start();
    } catch (error) {
      await pool.close();
      throw error;
    }
    return new DemoStage(ladder, pool, frontEnd);
  }

  /** What `resolve.hosts` of the gateway must say, so that it finds both. */
  get resolveHosts(): Record<string, string[]> {
    const target = ({ address, port }: Address) => [`tcp:${hostPort(address, port)}`];
    return { [POOL_NAME]: target(this.pool.address), [FRONT_END_NAME]: target(this.frontEnd.address) };
  }

  /** Lets a legacy client go through a whole session by way of the gateway. */
  async run(options: RunOptions): Promise<DemoResult> {
    const { gateway, legacyAddress, stepTimeout, line, print = () => {} } = options;
    this.frontEnd.routeTo(gateway);
    const before = this.ladder.brokenRules.length;
    const client = new LegacyClient({
      frontEnd: this.frontEnd.address,
      room: LOBBY.uri,
      recorder: this.ladder,
      onStep: (step) => print(stepLine(step)),
      ...(legacyAddress === undefined ? {} : { legacyAddress }),
      ...(stepTimeout === undefined ? {} : { stepTimeout }),
      ...(line === undefined ? {} : { line }),
    });
    const steps = await client.run();
    const broken = this.ladder.brokenRules.slice(before);
    for (const { noticedBy, rule, detail } of broken)
      print(`rule broken, noticed by the ${noticedBy}: ${detail} [${rule}]`);
    const failed = steps.find(({ outcome }) => outcome === "failed");
    const ok = failed === undefined && broken.length === 0;
    return { ok, steps, broken, ladder: this.ladder, ...(failed === undefined ? {} : { failed }) };
  }

  async close(): Promise<void> {
    await Promise.all([this.frontEnd.close(), this.pool.close()]);
  }
}

/** Brings the stage up, runs one session through a gateway that already listens, and takes everything down again. */
export async function runDemo(options: StageOptions & RunOptions): Promise<DemoResult> {
  const stage = await DemoStage.start(options);
  try {
    return await stage.run(options);
  } finally {
    await stage.close();
  }
}

/** One step as a line for people. */
export function stepLine({ outcome, title, detail, milliseconds }: Step): string {
  const mark = { done: "ok    ", lost: "again ", failed: "FAILED" }[outcome];
  return `${mark} ${title}${detail === "" ? "" : `: ${detail}`} (${milliseconds.toFixed(0)} ms)`;
}
