import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { serialize } from "node:v8";
import type { StoreSettings } from "../open-store.ts";
import { startStoreProcess } from "../store-channel.ts";

/** How long a store that nobody needs any more may take to end before it is killed. */
const GOODBYE_MS = 1500;

interface Running {
  readonly child: ChildProcess;
  readonly socket: Promise<string>;
  readonly exit: Promise<void>;
}

/**
 * The processes of the stores: one for all the processes that serve the same table with the same settings since the same
 * start or upgrade. An upgrade brings a new one beside new processes, so that program, settings and secrets are read anew;
 * the old one serves the old processes until they have finished. Each ends with the last one that it serves.
 */
export class StoreProcesses {
  readonly #folder: string;
  readonly #running = new Map<string, Running>();
  #generation = 0;
  #next = 1;

  /** @param folder for their sockets */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Whoever asks from now on gets another process than those before. */
  renew(): void {
    this.#generation++;
  }

  /** The socket of the store with these settings, which is started when there is none. @param program its file */
  at(settings: StoreSettings, program: string): Promise<string> {
    const key = `${this.#generation} ${program} ${serialize(settings).toString("latin1")}`;
    const known = this.#running.get(key);
    if (known !== undefined) return known.socket;
    const socket = join(this.#folder, `store-${this.#next++}.sock`);
    const child = startStoreProcess({ settings, socket }, program);
    const exit = new Promise<void>((resolve) => {
      const ended = (): void => {
        if (this.#running.get(key)?.child === child) this.#running.delete(key);
        resolve();
      };
      child.once("exit", ended);
      child.once("error", ended);
    });
    const listening = new Promise<string>((resolve, reject) => {
      child.once("message", () => resolve(socket));
      void exit.then(() => reject(new Error(`it ended with ${child.signalCode ?? child.exitCode}`)));
    });
    listening.catch(() => undefined);
    this.#running.set(key, { child, socket: listening, exit });
    return listening;
  }

  /** When nobody is served any more: resolves when all have ended, by themselves or by force. */
  async stop(): Promise<void> {
    const hanging = setTimeout(() => this.kill(), GOODBYE_MS);
    for (const { child } of this.#running.values()) child.disconnect();
    await Promise.all([...this.#running.values()].map(({ exit }) => exit));
    clearTimeout(hanging);
  }

  kill(): void {
    for (const { child } of this.#running.values()) child.kill("SIGKILL");
  }
}
