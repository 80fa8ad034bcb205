import type { Drain } from "./drained-address.ts";
import type { Endpoint } from "./endpoints/model.ts";
import type {
  Actor,
  ChangeOptions,
  ChangeResult,
  EndpointStore,
  GatewayReport,
  HistoryCheck,
  HistoryEntry,
  HistoryOptions,
  KnownGateway,
  RowChange,
  RowDifference,
  StoreHealth,
} from "./endpoints/store.ts";
import { WaypostError } from "./errors.ts";
import { openNearest } from "./local-store.ts";
import { type StoreSettings, storePlace } from "./open-store.ts";
import { type OpenStoreChannel, openOwnProcess, type StoreChannel } from "./store-channel.ts";
import type { Answer, FaultText, Followed, Method, News } from "./store-messages.ts";

/** What follows the table of a store. */
export interface TableFollower {
  /** A whole table comes now; it takes the place of the one before when it is complete. */
  begin(): void;
  /** A row in its place. */
  set(row: Endpoint): void;
  /** An address without a row. */
  delete(key: string): void;
  /** With what was set and deleted, the table is complete again. */
  complete(table: Followed): void;
  /** What is stored cannot be used or reached; the table is to stay as it is. */
  refused(error: Error): void;
}

interface Waiting {
  readonly method: Method;
  readonly args: readonly unknown[];
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** After which time a process that has ended is started again; twice as long each time that it comes to nothing. */
const RESTART_MS = 1000;
const LONGEST_RESTART_MS = 30_000;
/** How long a gateway that stops waits for its store to end by itself, and while a change is being written. */
const GOODBYE_MS = 1000;
const WRITING_MS = 5000;
/** After SIGKILL only a process that hangs in the kernel is still there; nobody waits for it. */
const KILLED_MS = 500;
const WRITES: ReadonlySet<Method> = new Set<Method>(["change", "undo", "settle"]);

/**
 * A gateway's store as seen from one that serves calls. It lives apart from it, in a process of its own
 * (store-process.ts); only a small file's is in the same process, and moves out when it grows (local-store.ts).
 * What is large comes in parts, each of about a millisecond's work, with room for calls in between.
 */
export class SeparateStore implements Omit<EndpointStore, "load" | "watch"> {
  readonly #settings: StoreSettings;
  readonly #waiting = new Map<number, Waiting>();
  #open: OpenStoreChannel;
  #channel: StoreChannel;
  #nextId = 1;
  #follower: TableFollower | undefined;
  /** Why there is no process now. */
  #ended: WaypostError | undefined;
  #endedAt = "";
  #restartMs = RESTART_MS;
  #restarting: NodeJS.Timeout | undefined;
  #closed = false;
  /** Ends the wait for the store's end. */
  #gone: (() => void) | undefined;

  /** @param open how the store is reached; absent = it serves nobody else */
  constructor({ store, listen, resolve, engine, drachtio }: StoreSettings, open: OpenStoreChannel = openNearest) {
    this.#settings = { store, listen, resolve, engine, ...(drachtio && { drachtio }) };
    this.#open = open;
    this.#channel = this.#start();
  }

  /**
   * Gives the whole table to the follower, and from then on what changes.
   * @throws WaypostError as EndpointStore.load does
   */
  async follow(follower: TableFollower): Promise<void> {
    this.#follower = follower;
    try {
      await this.#call("follow");
    } catch (error) {
      this.#follower = undefined;
      throw error;
    }
  }

  /** The whole table is handed over once more. When it cannot be, the follower is told why, as after any other fault. */
  async refollow(): Promise<void> {
    await this.#call("follow").catch((error: Error) => this.#follower?.refused(error));
  }

  change(changes: readonly RowChange[], actor: Actor, options?: ChangeOptions): Promise<ChangeResult> {
    return this.#call("change", changes, actor, options);
  }

  undo(revision: number, actor: Actor, options?: ChangeOptions): Promise<ChangeResult> {
    return this.#call("undo", revision, actor, options);
  }

  history(options?: HistoryOptions): Promise<readonly HistoryEntry[]> {
    return this.#call("history", options);
  }

  verifyHistory(): Promise<HistoryCheck> {
    return this.#call("verifyHistory");
  }

  diff(from: number, to: number): Promise<readonly RowDifference[]> {
    return this.#call("diff", from, to);
  }

  health(): Promise<StoreHealth> {
    const { store } = this.#settings;
    return this.#call<StoreHealth>("health").catch(({ message: reason }: Error) => {
      return { kind: store.kind, place: storePlace(store), state: "refused", reason, since: this.#endedAt };
    });
  }

  gateways(): Promise<readonly KnownGateway[]> {
    return this.#call("gateways");
  }

  reportGateway(report: GatewayReport): Promise<void> {
    return this.#call("reportGateway", report);
  }

  drains(): Promise<readonly Drain[]> {
    return this.#call("drains");
  }

  setDrain(place: string, drain: Drain | undefined): Promise<void> {
    return this.#call("setDrain", place, drain);
  }

  dismissGateway(name: string): Promise<void> {
    return this.#call("dismissGateway", name);
  }

  settle(decision: "accept" | "restore", actor: Actor): Promise<ChangeResult> {
    return this.#call("settle", decision, actor);
  }

  /**
   * Lets the process end: by itself, after a change that it is writing, else by SIGKILL, which loses nothing either, as
   * every file is replaced in one step. It takes no longer than a few seconds, whatever the process does.
   */
  async close(): Promise<void> {
    this.#closed = true;
    this.#follower = undefined;
    clearTimeout(this.#restarting);
    const ending = this.#channel;
    if (this.#ended !== undefined) {
      return;
    }
    const exit = new Promise<void>((resolve) => {
      this.#gone = resolve;
    });
    const isWriting = [...this.#waiting.values()].some(({ method }) => WRITES.has(method));
    this.#call("close").then(
      () => ending.hangUp(),
      () => undefined,
    );
    await within(isWriting ? WRITING_MS : GOODBYE_MS, exit);
    if (this.#ended === undefined) {
      ending.kill();
      await within(KILLED_MS, exit);
    }
    this.#end(ending, "it was closed");
    ending.hold(false);
  }

  #start(): StoreChannel {
    const channel: StoreChannel = this.#open(this.#settings, {
      received: (message) => this.#receive(message, channel),
      ended: (reason) => this.#end(channel, reason),
    });
    return channel;
  }

  #call<T>(method: Method, ...args: readonly unknown[]): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#ended !== undefined) {
        reject(this.#ended);
        return;
      }
      const id = this.#nextId++;
      this.#waiting.set(id, { method, args, resolve: resolve as Waiting["resolve"], reject });
      // Only a call that waits for its answer keeps this process alive.
      this.#channel.hold(true);
      this.#channel.send({ id, method, args });
    });
  }

  #receive(message: Answer | News, from: StoreChannel): void {
    if ("id" in message) {
      const waiting = this.#waiting.get(message.id);
      if (waiting !== undefined && "fault" in message && message.fault.outgrown) {
        this.#moveOut();
        this.#channel.send({ id: message.id, method: waiting.method, args: waiting.args });
        return;
      }
      this.#waiting.delete(message.id);
      // A gateway that has nothing else to do ends, and its store with it.
      if (this.#waiting.size === 0) this.#channel.hold(false);
      "fault" in message ? waiting?.reject(toError(message.fault)) : waiting?.resolve(message.result);
    } else if (from !== this.#channel) {
      // A store that has moved has handed over the table anew.
    } else if ("refused" in message) {
      if (message.refused.outgrown) this.#moveOut();
      else this.#follower?.refused(toError(message.refused));
    } else {
      if (message.begin) this.#follower?.begin();
      for (const row of JSON.parse(message.set) as Endpoint[]) this.#follower?.set(row);
      for (const key of message.remove) this.#follower?.delete(key);
      if (message.done !== undefined) {
        this.#follower?.complete(message.done);
      } else {
        // The next part comes after whatever else waits here.
        setImmediate(() => from.send("taken"));
      }
    }
  }

  #end(ended: StoreChannel, reason: string): void {
    if (this.#ended !== undefined || ended !== this.#channel) {
      return;
    }
    const place = storePlace(this.#settings.store);
    const error = new WaypostError("STORE_ENDED", `the process that follows ${place} has ended: ${reason}`);
    this.#ended = error;
    this.#endedAt = new Date().toISOString();
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
    this.#gone?.();
    if (!this.#closed) {
      this.#follower?.refused(error);
      this.#restarting = setTimeout(() => this.#restart(), this.#restartMs).unref();
      this.#restartMs = Math.min(2 * this.#restartMs, LONGEST_RESTART_MS);
    }
  }

  #restart(): void {
    this.#ended = undefined;
    this.#channel = this.#start();
    this.#followAnew();
  }

  /** The store goes on in a process of its own. What it has begun here it ends here. */
  #moveOut(): void {
    if (this.#closed || this.#open === openOwnProcess) return;
    this.#open = openOwnProcess;
    const before = this.#channel;
    this.#channel = this.#start();
    this.#channel.hold(this.#waiting.size > 0);
    before.send({ id: 0, method: "close", args: [] });
    this.#followAnew();
  }

  /** The whole table is to come from the store where it is now. */
  #followAnew(): void {
    const started = this.#channel;
    const follower = this.#follower;
    if (follower === undefined || [...this.#waiting.values()].some(({ method }) => method === "follow")) {
      return;
    }
    this.#call("follow").then(
      () => {
        this.#restartMs = RESTART_MS;
      },
      (error: Error) => {
        if (this.#ended === undefined && !this.#closed) {
          follower.refused(error);
          started.kill();
        }
      },
    );
  }
}

/** Waits for a promise, but not longer than so many milliseconds. */
async function within(ms: number, promise: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([promise, timeout]);
  clearTimeout(timer);
}

function toError({ code, message }: FaultText): Error {
  return code === undefined ? new Error(message) : new WaypostError(code, message);
}
