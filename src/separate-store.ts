import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { setPriority } from "node:os";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
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
import { type StoreSettings, storePlace } from "./open-store.ts";
import type { Answer, Call, FaultText, Followed, Method, News } from "./store-messages.ts";

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
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** After which time a process that has ended is started again. */
const RESTART_MS = 1000;
/** Computing for the table stands a little behind computing for calls. */
const PRIORITY = 2;

/**
 * A gateway's store, which lives in a process of its own (store-process.ts), as seen from the one that serves calls.
 * What is large comes in parts, each of about a millisecond's work, with room for calls in between.
 */
export class SeparateStore implements Omit<EndpointStore, "load" | "watch"> {
  readonly #settings: StoreSettings;
  readonly #waiting = new Map<number, Waiting>();
  #process: ChildProcess;
  #nextId = 1;
  #follower: TableFollower | undefined;
  /** Why there is no process now. */
  #ended: WaypostError | undefined;
  #endedAt = "";
  #closed = false;

  constructor({ store, listen, resolve }: StoreSettings) {
    this.#settings = { store, listen, resolve };
    this.#process = this.#start();
  }

  /**
   * Gives the whole table to the follower, and from then on what changes.
   * @throws WaypostError as EndpointStore.load does
   */
  async follow(follower: TableFollower): Promise<void> {
    follower.begin();
    this.#follower = follower;
    try {
      await this.#call("follow");
    } catch (error) {
      this.#follower = undefined;
      throw error;
    }
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

  dismissGateway(name: string): Promise<void> {
    return this.#call("dismissGateway", name);
  }

  settle(decision: "accept" | "restore", actor: Actor): Promise<ChangeResult> {
    return this.#call("settle", decision, actor);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#follower = undefined;
    await this.#call("close").catch(() => undefined);
    if (this.#ended === undefined) {
      const exit = once(this.#process, "exit");
      this.#ref();
      this.#process.disconnect();
      await exit;
    }
  }

  #start(): ChildProcess {
    const file = fileURLToPath(new URL(`./store-process${extname(import.meta.url)}`, import.meta.url));
    const stdio = ["ignore", "inherit", "inherit", "ipc"] as const;
    const started = fork(file, { execArgv: [], serialization: "advanced", stdio: [...stdio] });
    started.on("message", (message: Answer | News) => this.#receive(message));
    started.on("error", (error) => this.#end(error.message));
    started.on("exit", (status, signal) => this.#end(`exit status ${status ?? signal}`));
    started.send(this.#settings);
    started.unref();
    started.channel?.unref();
    lowerPriority(started);
    return started;
  }

  #call<T>(method: Method, ...args: readonly unknown[]): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#ended !== undefined) {
        reject(this.#ended);
        return;
      }
      const id = this.#nextId++;
      this.#waiting.set(id, { resolve: resolve as Waiting["resolve"], reject });
      // Only a call that waits for its answer keeps this process alive.
      this.#ref();
      this.#process.send({ id, method, args } satisfies Call);
    });
  }

  #receive(message: Answer | News): void {
    if ("id" in message) {
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if (this.#waiting.size === 0) {
        this.#unref();
      }
      "fault" in message ? waiting?.reject(toError(message.fault)) : waiting?.resolve(message.result);
    } else if ("refused" in message) {
      this.#follower?.refused(toError(message.refused));
    } else {
      for (const row of JSON.parse(message.set) as Endpoint[]) this.#follower?.set(row);
      for (const key of message.remove) this.#follower?.delete(key);
      if (message.done !== undefined) {
        this.#follower?.complete(message.done);
      } else {
        // The next part comes after whatever else waits here.
        setImmediate(() => this.#process.connected && this.#process.send("taken"));
      }
    }
  }

  #end(reason: string): void {
    if (this.#ended !== undefined) {
      return;
    }
    const place = storePlace(this.#settings.store);
    const error = new WaypostError("STORE_ENDED", `the process that follows ${place} has ended: ${reason}`);
    this.#ended = error;
    this.#endedAt = new Date().toISOString();
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
    if (!this.#closed) {
      this.#follower?.refused(error);
      setTimeout(() => this.#restart(), RESTART_MS).unref();
    }
  }

  #restart(): void {
    if (this.#closed) {
      return;
    }
    this.#ended = undefined;
    this.#process = this.#start();
    const follower = this.#follower;
    if (follower !== undefined) {
      follower.begin();
      this.#call("follow").catch((error: Error) => {
        if (this.#ended === undefined) {
          follower.refused(error);
          this.#process.kill("SIGKILL");
        }
      });
    }
  }

  #ref(): void {
    this.#process.ref();
    this.#process.channel?.ref();
  }

  /** A gateway that has nothing else to do ends, and this process with it. */
  #unref(): void {
    this.#process.unref();
    this.#process.channel?.unref();
  }
}

function lowerPriority({ pid = 0 }: ChildProcess): void {
  try {
    setPriority(pid, PRIORITY);
  } catch {
    // A system that does not permit it: then both have the same.
  }
}

function toError({ code, message }: FaultText): Error {
  return code === undefined ? new Error(message) : new WaypostError(code, message);
}
