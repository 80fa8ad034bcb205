import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import type { DrainConfig } from "./config/config.ts";
import type { Engine } from "./engine/engine.ts";
import { tellServiceManager } from "./service-manager.ts";

const LOOK_MS = 50;
/** The countdown is told so often, and every second at the end. */
const TELL_EVERY_S = 5;

export interface DrainOptions {
  readonly engine: Pick<Engine, "leave" | "underWay" | "unanswered" | "hangUp">;
  readonly seconds: number;
  readonly log: Logger;
  /** What else has to be done before the end, and is waited for no longer than for the rest: to sign off somewhere. */
  readonly farewells?: readonly (() => Promise<void>)[];
}

/**
 * Ends a gateway's work in order: it takes nothing new, and what is under way is finished, at the latest after
 * `seconds`. The log and systemd see the time run down.
 */
export async function drain({ engine, seconds, log, farewells = [] }: DrainOptions): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  log.info({ unanswered: engine.unanswered, seconds }, "stopping");
  engine.leave();
  let unsaid = farewells.length;
  for (const farewell of farewells) {
    farewell()
      .catch((error: Error) => log.warn({ reason: error.message }, "something could not be signed off"))
      .finally(() => unsaid--);
  }
  let told = seconds;
  tellServiceManager({ STOPPING: "1", STATUS: statusOf(engine.underWay, seconds) });
  while (engine.underWay > 0 || unsaid > 0) {
    const left = Math.ceil((deadline - performance.now()) / 1000);
    if (left <= 0) {
      log.warn({ underWay: engine.underWay }, "the time to stop is over; what is still under way is given up");
      break;
    }
    if (left < told && (left <= TELL_EVERY_S || left % TELL_EVERY_S === 0)) {
      told = left;
      log.info({ underWay: engine.underWay, secondsLeft: left }, "still stopping");
      tellServiceManager({ STATUS: statusOf(engine.underWay, left) });
    }
    await sleep(LOOK_MS);
  }
  engine.hangUp();
}

function statusOf(underWay: number, seconds: number): string {
  return `Stopping: ${underWay} requests under way, at most ${seconds} s left`;
}

export interface RetireOptions {
  readonly engine: Pick<Engine, "retire" | "idle" | "underWay" | "hangUp">;
  readonly config: DrainConfig;
  readonly log: Logger;
}

/**
 * Lets a process in whose place others serve come to its end: its transactions end by themselves, its connections when
 * their peers close them. After `replacedSeconds` the connections that are left are given up at the first moment at
 * which no request is under way, and after `seconds` more at any.
 */
export async function retire({ engine, config, log }: RetireOptions): Promise<void> {
  const { replacedSeconds, seconds } = config;
  const patience = performance.now() + replacedSeconds * 1000;
  log.info({ underWay: engine.underWay, seconds: replacedSeconds }, "others serve now; this process finishes");
  engine.retire();
  while (!engine.idle) {
    const over = performance.now() - patience;
    if (over > 0 && engine.underWay === 0) break;
    if (over > seconds * 1000) {
      log.warn({ underWay: engine.underWay }, "the time to finish is over; what is still under way is given up");
      break;
    }
    await sleep(over > 0 ? 1 : LOOK_MS);
  }
  // In the same turn: what comes now is another process's, and the peer learns it from the end of its connection.
  engine.hangUp();
}
