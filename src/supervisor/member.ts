import cluster from "node:cluster";
import type { Logger } from "pino";
import type { Config } from "../config/config.ts";
import type { Gateway, GatewayHost } from "../daemon.ts";
import { Neighbourhood } from "../engine/neighbours/neighbourhood.ts";
import type { StoreSettings } from "../open-store.ts";
import { openSharedStore, STORE_PROGRAM } from "../store-channel.ts";
import type { Question, ToMember, ToSupervisor } from "./messages.ts";

/** What `serveAsMember` needs of the command that runs it. */
export interface MemberSetup {
  /** @throws WaypostError when the configuration cannot be used */
  readonly loadConfig: () => Config;
  readonly createLog: (level: string) => Logger;
  readonly startGateway: (config: Config, log: Logger, host: GatewayHost) => Promise<Gateway>;
  readonly readyLine: (gateway: Gateway) => string;
}

/** One of the processes that serve: does what the supervisor says, until it says to end. */
export async function serveAsMember(setup: MemberSetup): Promise<void> {
  // Ctrl-C in a terminal, and systemd's stop, reach every process. What they mean for this one, the supervisor says.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR2"] as const) process.on(signal, () => undefined);
  const member = new Member(setup);
  try {
    await member.serve();
  } finally {
    cluster.worker?.disconnect();
  }
}

type Role = Extract<ToMember, { kind: "role" }>;

class Member {
  readonly #setup: MemberSetup;
  readonly #role = deferred<Role>();
  readonly #listen = deferred<void>();
  readonly #leave = deferred<void>();
  readonly #asked = new Map<number, (answers: readonly unknown[]) => void>();
  readonly #stores = new Map<number, (answer: Extract<ToMember, { kind: "store" }>) => void>();
  #neighbourhood: Neighbourhood | undefined;
  #gateway: Gateway | undefined;
  #nextNumber = 1;

  constructor(setup: MemberSetup) {
    this.#setup = setup;
    process.on("message", (message: ToMember) => this.#receive(message));
  }

  async serve(): Promise<void> {
    tell({ kind: "here" });
    const role = await this.#role.promise;
    const config = this.#setup.loadConfig();
    const neighbourhood = await Neighbourhood.open(role.folder, role.id, role.key[0]);
    this.#neighbourhood = neighbourhood;
    try {
      await this.#serveAmong(neighbourhood, config, role);
    } finally {
      await neighbourhood.close();
    }
  }

  async #serveAmong(neighbourhood: Neighbourhood, config: Config, role: Role): Promise<void> {
    const log = this.#setup.createLog(config.log.level);
    const gateway = await this.#setup.startGateway(config, log, {
      among: { neighbourhood, key: role.key },
      place: config.workers > 1 ? role.slot + 1 : undefined,
      replaces: role.replaces,
      // What several processes serve has one store.
      ...(config.workers > 1 && {
        openStore: (settings, user) => openSharedStore(this.#storeOf(settings), user),
      }),
      mayListen: () => {
        const { workers, drain } = config;
        const stopMs = 1000 * drain.seconds;
        const retireMs = 1000 * drain.replacedSeconds + stopMs;
        tell({ kind: "prepared", workers, logLevel: config.log.level, stopMs, retireMs });
        return this.#listen.promise;
      },
      askAll: (question) => this.#askAll(question),
    });
    this.#gateway = gateway;
    tell({ kind: "ready", line: this.#setup.readyLine(gateway) });
    await this.#leave.promise;
    await neighbourhood.unused();
    await gateway.close();
  }

  #receive(message: ToMember): void {
    switch (message.kind) {
      case "role":
        this.#role.resolve(message);
        break;
      case "listen":
        this.#listen.resolve();
        break;
      case "view":
        this.#neighbourhood?.follow(message.view);
        tell({ kind: "view-taken", version: message.view.version });
        break;
      case "retire":
        void this.#finish(this.#gateway?.retire());
        break;
      case "stop":
        void this.#finish(this.#gateway?.drain());
        break;
      case "leave":
        this.#leave.resolve();
        break;
      case "reload":
        this.#reload();
        break;
      case "store":
        this.#stores.get(message.number)?.(message);
        this.#stores.delete(message.number);
        break;
      case "question":
        void this.#answer(message.number, message.question);
        break;
      case "answers":
        this.#asked.get(message.number)?.(message.answers);
        this.#asked.delete(message.number);
        break;
    }
  }

  async #finish(finished: Promise<void> | undefined): Promise<void> {
    await finished;
    this.#neighbourhood?.leave();
    tell({ kind: "idle", counted: await this.#gateway?.answer({ about: "totals" }) });
  }

  #reload(): void {
    let config: Config | undefined;
    try {
      config = this.#setup.loadConfig();
    } catch (error) {
      this.#gateway?.reloadRefused(error as Error);
    }
    if (config !== undefined) void this.#gateway?.reload(config);
  }

  async #answer(number: number, question: Question): Promise<void> {
    let answer: unknown;
    try {
      answer = await this.#gateway?.answer(question);
    } catch (error) {
      process.emitWarning(error as Error);
    }
    // Who asked waits for each process; one that has no answer says that.
    tell({ kind: "answer", number, answer });
  }

  /** The socket of the host's store. Rejects with the reason where there is none. */
  #storeOf(settings: StoreSettings): Promise<string> {
    const number = this.#nextNumber++;
    return new Promise((resolve, reject) => {
      this.#stores.set(number, (answer) => {
        "path" in answer ? resolve(answer.path) : reject(new Error(answer.fault));
      });
      tell({ kind: "store", number, settings, program: STORE_PROGRAM });
    });
  }

  #askAll(question: Question): Promise<readonly unknown[]> {
    const number = this.#nextNumber++;
    return new Promise((resolve) => {
      this.#asked.set(number, resolve);
      tell({ kind: "ask-all", number, question });
    });
  }
}

function tell(message: ToSupervisor): void {
  if (process.connected) process.send!(message);
}

interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
}

function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((taken) => {
    resolve = taken;
  });
  return { promise, resolve };
}
