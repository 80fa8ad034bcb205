import type { Endpoint } from "./endpoints/model.ts";
import type { EndpointStore, TableUpdate } from "./endpoints/store.ts";
import { stepsOf } from "./endpoints/table.ts";
import { WaypostError } from "./errors.ts";
import { openStore, type StoreSettings } from "./open-store.ts";
import {
  type Answer,
  type Call,
  type FaultText,
  type Followed,
  type News,
  ROWS_PER_MESSAGE,
} from "./store-messages.ts";

/**
 * The process in which a gateway's store lives: reading and writing files, parsing, validating and hashing a table of
 * a million rows take seconds of computing and much memory, and none of that may hold up a call. It ends with the
 * gateway. See separate-store.ts for the other side.
 */

/** How long a process without its gateway goes on with what it has begun. */
const LEAVE_MS = 2000;
/** Each ends the wait for the other side to have taken a part in; they are taken in as they were sent. */
const untaken: (() => void)[] = [];
/** News go out one after the other. */
let news: Promise<void> = Promise.resolve();
let isWatched = false;
/** The changes that the store tells of while a whole table is read. */
let meanwhile: TableUpdate[] | undefined;
let settings: (value: StoreSettings) => void;
let isOpen: Promise<EndpointStore> | undefined;
const opened = new Promise<StoreSettings>((resolve) => {
  settings = resolve;
}).then((value) => {
  isOpen = openStore(value, true);
  return isOpen;
});

// Ctrl-C in a terminal reaches every process; the gateway needs this one until it has stopped.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
process.on("disconnect", () => void leave());
process.on("message", (message: Call | StoreSettings | "taken") => {
  if (message === "taken") {
    untaken.shift()?.();
  } else if ("method" in message) {
    void answer(message);
  } else {
    settings(message);
  }
});

/** The gateway is gone, in whatever way: what is being written is written, and nothing stays behind. */
async function leave(): Promise<void> {
  setTimeout(() => process.exit(), LEAVE_MS).unref();
  await isOpen?.then((store) => store.close()).catch(() => undefined);
  process.exit();
}

async function answer({ id, method, args }: Call): Promise<void> {
  try {
    const store = await opened;
    const result =
      method === "follow"
        ? await follow()
        : await (store[method] as (...args: unknown[]) => Promise<unknown>).apply(store, [...args]);
    // What the store told its watchers meanwhile is to arrive first.
    await news;
    send({ id, result });
  } catch (error) {
    send({ id, fault: faultText(error) });
  }
}

/** Hands over the whole table, and what changes from then on. */
async function follow(): Promise<void> {
  const store = await opened;
  const since: TableUpdate[] = [];
  meanwhile = since;
  try {
    const { endpoints, revision, hash } = await store.load();
    news = news.then(() => handOver(endpoints, [], { revision, hash, changed: endpoints.length }, true));
    // What led to this table is in it; what came after it follows.
    since.splice(0, 1 + since.findLastIndex((update) => update.revision === revision && update.hash === hash));
  } finally {
    meanwhile = undefined;
    since.forEach(tell);
  }
  if (isWatched) return;
  isWatched = true;
  // A change that comes while the table is on its way follows it.
  store.watch(
    (update) => (meanwhile === undefined ? tell(update) : meanwhile.push(update)),
    (error) => {
      news = news.then(() => send({ refused: faultText(error) }));
    },
  );
}

function tell(update: TableUpdate): void {
  news = news.then(() => handOverUpdate(update));
}

function handOverUpdate({ differences, ...update }: TableUpdate): Promise<void> {
  const { rows, keys } = stepsOf(differences);
  return handOver(rows, [...keys], { ...update, changed: differences.length });
}

async function handOver(
  rows: readonly Endpoint[],
  keys: readonly string[],
  done: Followed,
  isWhole = false,
): Promise<void> {
  let [row, key] = [0, 0];
  let first = isWhole ? ({ begin: true } as const) : undefined;
  while (rows.length - row + keys.length - key > ROWS_PER_MESSAGE) {
    const set = rows.slice(row, row + ROWS_PER_MESSAGE);
    const remove = set.length > 0 ? [] : keys.slice(key, key + ROWS_PER_MESSAGE);
    [row, key] = [row + set.length, key + remove.length];
    send({ ...first, set: JSON.stringify(set), remove });
    first = undefined;
    // Many at once would hold up the other side.
    await new Promise<void>((resolve) => untaken.push(resolve));
  }
  send({ ...first, set: JSON.stringify(rows.slice(row)), remove: keys.slice(key), done });
}

function send(message: Answer | News): void {
  // Without a gateway there is nobody to tell.
  process.send?.(message, undefined, undefined, () => undefined);
}

function faultText(error: unknown): FaultText {
  const { message } = error as Error;
  return error instanceof WaypostError ? { code: error.code, message } : { message };
}
