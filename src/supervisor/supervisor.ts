import cluster, { type Worker } from "node:cluster";
import { randomBytes } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { Epochs } from "./epochs.ts";
import type { Question, ToMember, ToSupervisor } from "./messages.ts";
import { Questions } from "./questions.ts";
import { StoreProcesses } from "./stores.ts";

/** How long a process that has ended by itself stays away: at first, doubled each time up to the most. */
const FIRST_RESTART_MS = 100;
const LONGEST_RESTART_MS = 30_000;
/** Whoever served so long is not in a circle of restarts. */
const STEADY_MS = 60_000;
/** How long new processes may take until they serve; a million rows take a busy machine minutes. */
const START_MS = 600_000;
/** How often the log says that new processes are still waited for. */
const REMINDER_MS = 15_000;
/** How much longer than its time to finish a process may live: what hangs is killed then. */
const GRACE_MS = 10_000;
/** How long a process that leaves waits for one that does not answer. */
const VIEW_MS = 2000;
/** How often it is looked whether an old epoch is over. */
const PRUNE_MS = 10_000;
/**
 * V8's helpers compile and collect garbage beside the thread that serves. Where all have one core, each takes as much of it
 * as that thread, so that with four of them calls waited.
 */
const MEMBER_OPTIONS = ["--v8-pool-size=1"];

interface Member {
  readonly id: number;
  readonly slot: number;
  readonly worker: Worker;
  readonly startedAt: number;
  /** `starting` until it is bound; `retired` when others serve in its place; `leaving` when nobody asks for it. */
  state: "starting" | "serving" | "retired" | "leaving";
  viewTaken: number;
  prepared: Extract<ToSupervisor, { kind: "prepared" }> | undefined;
  line: string;
  /** Runs when it was told to finish: what hangs holds nobody up for ever. */
  overdue: NodeJS.Timeout | undefined;
}

/**
 * The process that people start and stop. It serves nothing itself: it starts the processes that do, keeps as many of
 * them alive as there are to be, tells them who is there, and replaces all of them by new ones without losing a call.
 * The listening sockets are shared through node:cluster, so nothing that the kernel has queued is lost with a process.
 */
export class Supervisor {
  readonly #folder = mkdtempSync(join(tmpdir(), "waypost-"));
  readonly #stores = new StoreProcesses(this.#folder);
  readonly #key: readonly [number, number];
  readonly #createLog: (level: string) => Logger;
  readonly #members = new Map<number, Member>();
  readonly #epochs = new Epochs();
  readonly #events = new EventEmitter().setMaxListeners(0);
  readonly #questions = new Questions();
  /** What processes that have left had counted. */
  readonly #counted: unknown[] = [];
  readonly #pruning: NodeJS.Timeout;
  #log: Logger | undefined;
  /** Who serves, by slot. */
  #ring: number[] = [];
  #version = 0;
  #nextId = 1;
  #stopping = false;
  #upgrading = false;
  #restartMs = FIRST_RESTART_MS;

  constructor(createLog: (level: string) => Logger) {
    this.#createLog = createLog;
    const random = randomBytes(8);
    this.#key = [random.readUInt32LE(0), random.readUInt32LE(4)];
    const execArgv = [...process.execArgv, ...MEMBER_OPTIONS];
    cluster.setupPrimary({ exec: process.argv[1]!, args: process.argv.slice(2), execArgv, serialization: "advanced" });
    this.#pruning = setInterval(() => this.#prune(), PRUNE_MS).unref();
  }

  /** Starts what serves. @returns the line that says so; undefined when it did not come up, and has said why */
  async start(): Promise<string | undefined> {
    const ring = await this.#startRing();
    if (ring === undefined) {
      await this.#until(() => this.#members.size === 0);
      return undefined;
    }
    this.#takeOver(ring);
    return this.#members.get(ring[0]!)?.line;
  }

  /**
   * Starts new processes from what is on disk now, program and configuration, and lets the old ones finish. Where the
   * new ones do not come up, the old ones go on.
   */
  async upgrade(): Promise<void> {
    if (this.#stopping) return;
    if (this.#upgrading) {
      this.#log?.warn("an upgrade is under way already; this signal changes nothing");
      return;
    }
    this.#upgrading = true;
    this.#stores.renew();
    this.#log?.info({ processes: this.#ring.length }, "an upgrade begins: new processes start");
    const old = this.#ring;
    const waiting = setInterval(() => this.#log?.info("the new processes are not up yet"), REMINDER_MS);
    const ring = await this.#startRing(AbortSignal.timeout(START_MS));
    clearInterval(waiting);
    this.#upgrading = false;
    if (this.#stopping) return;
    if (ring === undefined) {
      this.#log?.error("the upgrade was refused: the new processes did not come up; the old ones serve on");
      return;
    }
    this.#takeOver(ring);
    for (const id of old) this.#retire(id);
    this.#log?.info({ processes: ring.length }, "new processes serve; the old ones finish what is under way");
  }

  reload(): void {
    for (const member of this.#members.values()) tell(member, { kind: "reload" });
  }

  /** Lets every process finish, and resolves when all have ended. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const member of this.#members.values()) {
      if (member.state === "starting") member.worker.process.kill("SIGKILL");
      else this.#finish(member, "stop");
    }
    await this.#until(() => this.#members.size === 0);
    await this.#stores.stop();
    this.#close();
  }

  /** Ends everything at once. */
  kill(): void {
    this.#stopping = true;
    for (const { worker } of this.#members.values()) worker.process.kill("SIGKILL");
    this.#stores.kill();
    this.#close();
  }

  #close(): void {
    clearInterval(this.#pruning);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Brings up a whole set of processes; all of them are bound before that signal comes, or none is left. */
  async #startRing(patience?: AbortSignal): Promise<number[] | undefined> {
    const ring: number[] = [];
    const alive = (): boolean => !patience?.aborted && ring.every((id) => this.#members.has(id));
    const all = (ready: (member: Member) => boolean): Promise<void> =>
      this.#until(() => !alive() || this.#stopping || ring.every((id) => ready(this.#members.get(id)!)), patience);
    ring.push(this.#fork(0));
    // Only the first one knows how many there are to be.
    await all(({ prepared }) => prepared !== undefined);
    const workers = this.#members.get(ring[0]!)?.prepared?.workers ?? 0;
    for (let slot = 1; slot < workers; slot++) ring.push(this.#fork(slot));
    await all(({ prepared }) => prepared !== undefined);
    if (alive()) for (const id of ring) tell(this.#members.get(id)!, { kind: "listen" });
    await all(({ state }) => state === "serving");
    if (alive() && !this.#stopping) return ring;
    // Those that are bound already may have taken messages; they pass them on before they go.
    this.#publish();
    for (const id of ring) {
      if (this.#members.get(id)?.state === "serving" && this.#ring.length > 0) this.#retire(id);
      else this.#members.get(id)?.worker.process.kill("SIGKILL");
    }
    return undefined;
  }

  #fork(slot: number): number {
    const id = this.#nextId++;
    const worker = cluster.fork();
    const member: Member = {
      id,
      slot,
      worker,
      startedAt: performance.now(),
      state: "starting",
      viewTaken: 0,
      prepared: undefined,
      line: "",
      overdue: undefined,
    };
    this.#members.set(id, member);
    worker.on("message", (message: ToSupervisor) => this.#receive(member, message));
    worker.on("exit", (status, signal) => this.#exited(member, signal ?? `status ${status}`));
    worker.on("error", () => undefined);
    return id;
  }

  #receive(member: Member, message: ToSupervisor): void {
    switch (message.kind) {
      case "here": {
        const { id, slot } = member;
        const replaces = this.#ring.length > 0;
        tell(member, { kind: "role", id, slot, replaces, folder: this.#folder, key: this.#key });
        break;
      }
      case "prepared":
        member.prepared = message;
        this.#log ??= this.#createLog(message.logLevel);
        break;
      case "ready":
        member.state = "serving";
        member.line = message.line;
        break;
      case "view-taken":
        member.viewTaken = message.version;
        break;
      case "idle":
        this.#counted.push(message.counted);
        void this.#letGo(member);
        break;
      case "store":
        void this.#stores.at(message.settings, message.program).then(
          (path) => tell(member, { kind: "store", number: message.number, path }),
          (error: Error) => tell(member, { kind: "store", number: message.number, fault: error.message }),
        );
        break;
      case "ask-all":
        void this.#askAll(member, message.number, message.question);
        break;
      case "answer":
        this.#questions.answered(member.id, message.number, message.answer);
        break;
    }
    this.#events.emit("change");
  }

  #takeOver(ring: number[]): void {
    this.#ring = ring;
    this.#epochs.begin(ring, performance.now());
    this.#publish();
  }

  #retire(id: number): void {
    const member = this.#members.get(id);
    if (member === undefined) return;
    member.state = "retired";
    this.#finish(member, "retire");
  }

  /** Tells it to finish what is under way, and kills it when it has not ended long after its time. */
  #finish(member: Member, kind: "stop" | "retire"): void {
    const { id, worker, prepared } = member;
    const ms = GRACE_MS + (kind === "stop" ? prepared!.stopMs : prepared!.retireMs);
    clearTimeout(member.overdue);
    member.overdue = setTimeout(() => {
      this.#log?.error({ process: id, ms }, "a process did not end in its time and is killed; its calls are lost");
      worker.process.kill("SIGKILL");
    }, ms).unref();
    tell(member, { kind });
  }

  /** Tells everybody who is bound who is there. */
  #publish(): void {
    const version = ++this.#version;
    const bound = [...this.#members.values()].filter(({ state }) => state !== "starting");
    const there = bound.filter(({ state }) => state !== "leaving");
    const links = Object.fromEntries(there.map(({ id }) => [id, join(this.#folder, `${id}.sock`)]));
    const epochs = this.#epochs.list.map(({ slots }) => slots);
    for (const member of bound) tell(member, { kind: "view", view: { version, epochs, links } });
  }

  /** Takes a process that has finished out of the view; when nobody can send it anything any more, it may go. */
  async #letGo(member: Member): Promise<void> {
    member.state = "leaving";
    this.#publish();
    const version = this.#version;
    await this.#until(
      () => [...this.#members.values()].every(({ state, viewTaken }) => state === "starting" || viewTaken >= version),
      AbortSignal.timeout(VIEW_MS),
    );
    tell(member, { kind: "leave" });
  }

  #exited(member: Member, how: string): void {
    const { id, slot, state } = member;
    this.#members.delete(id);
    clearTimeout(member.overdue);
    this.#questions.gone(id);
    const inRing = this.#ring[slot] === id;
    if (!this.#stopping) {
      if (state === "serving" && inRing) void this.#replace(this.#ring, member, how);
      else if (state === "retired") {
        this.#log?.error({ process: id, how }, "an old process ended before it had finished; its calls are lost");
      } else if (state === "starting") this.#log?.error({ process: id, how }, "a new process ended before it served");
    }
    this.#epochs.prune((other) => this.#members.has(other), this.#ring, performance.now());
    this.#publish();
    this.#events.emit("change");
  }

  /** Another one takes the place of a process that ended by itself; until then its neighbours stand in for it. */
  async #replace(ring: number[], ended: Member, how: string): Promise<void> {
    const { id, slot, startedAt } = ended;
    if (performance.now() - startedAt > STEADY_MS) this.#restartMs = FIRST_RESTART_MS;
    this.#log?.error({ process: id, how }, "a process ended by itself; its calls are lost");
    this.#epochs.begin(this.#withStandIns(ring), performance.now());
    for (;;) {
      await sleep(this.#restartMs);
      this.#restartMs = Math.min(LONGEST_RESTART_MS, 2 * this.#restartMs);
      // An upgrade may have brought others.
      if (this.#stopping || this.#ring !== ring) return;
      const fresh = this.#fork(slot);
      const patience = AbortSignal.timeout(START_MS);
      const reached = (holds: (member: Member) => boolean): Promise<void> =>
        this.#until(() => !this.#members.has(fresh) || holds(this.#members.get(fresh)!), patience);
      await reached(({ prepared }) => prepared !== undefined);
      const member = this.#members.get(fresh);
      if (member !== undefined) tell(member, { kind: "listen" });
      await reached(({ state }) => state === "serving");
      if (patience.aborted) member?.worker.process.kill("SIGKILL");
      if (patience.aborted || !this.#members.has(fresh)) continue;
      if (this.#stopping) return;
      if (this.#ring !== ring) {
        this.#publish();
        this.#retire(fresh);
        return;
      }
      ring[slot] = fresh;
      this.#epochs.begin(this.#withStandIns(ring), performance.now());
      this.#publish();
      this.#log?.info({ process: fresh }, "a new process serves in its place");
      return;
    }
  }

  /** The process of each slot, or one that lives in its place. */
  #withStandIns(ring: readonly number[]): number[] {
    const living = ring.filter((id) => this.#members.has(id));
    return ring.map((id, slot) => (living.includes(id) ? id : (living[slot % living.length] ?? id)));
  }

  #prune(): void {
    if (this.#epochs.prune((id) => this.#members.has(id), this.#ring, performance.now())) this.#publish();
  }

  async #askAll(asker: Member, number: number, question: Question): Promise<void> {
    const asked = [...this.#members.values()].filter(({ state }) => state === "serving" || state === "retired");
    const answers = await this.#questions.ask(
      asked.map((member) => ({
        id: member.id,
        put: (own, what) => tell(member, { kind: "question", number: own, question: what }),
      })),
      question,
    );
    const counted = question.about === "metrics" ? this.#counted : [];
    tell(asker, { kind: "answers", number, answers: [...counted, ...answers] });
  }

  /** Resolves when this holds, or when that signal comes; looks at every message and every end of a process. */
  async #until(holds: () => boolean, patience?: AbortSignal): Promise<void> {
    while (!holds() && !patience?.aborted) {
      await once(this.#events, "change", { ...(patience && { signal: patience }) }).catch(() => undefined);
    }
  }
}

function tell({ worker }: Member, message: ToMember): void {
  if (worker.isConnected()) worker.send(message);
}
