import { parentPort, workerData } from "node:worker_threads";
import type { RowDifference, TableUpdate } from "./endpoints/store.ts";
import { WaypostError } from "./errors.ts";
import { openStore, type StoreSettings } from "./open-store.ts";
import type { Answer, Call, FaultText, News } from "./store-messages.ts";
import { ROWS_PER_MESSAGE } from "./store-messages.ts";

/**
 * The thread on which a gateway's store lives: reading and writing files, parsing, validating and hashing a table of a
 * million rows take seconds, and none of that may hold up a call. See store-thread.ts for the other side.
 */

const port = parentPort!;
const store = await openStore(workerData as StoreSettings, true);
/** Each ends the wait for the other side to have taken a part in; they are taken in as they were sent. */
const untaken: (() => void)[] = [];
let news: Promise<void> = Promise.resolve();

port.on("message", (message: Call | "taken") => {
  if (message === "taken") {
    untaken.shift()?.();
  } else {
    void answer(message);
  }
});

async function answer({ id, method, args }: Call): Promise<void> {
  try {
    const result = await carryOut(method, args);
    // What the store told its watchers meanwhile is to arrive first.
    await news;
    send({ id, result });
  } catch (error) {
    send({ id, fault: faultText(error) });
  }
  if (method === "close") {
    port.close();
  }
}

async function carryOut(method: Call["method"], args: Call["args"]): Promise<unknown> {
  switch (method) {
    case "load": {
      const { endpoints, revision, hash } = await store.load();
      for (let at = 0; at < endpoints.length; at += ROWS_PER_MESSAGE) {
        await handOver({ rows: JSON.stringify(endpoints.slice(at, at + ROWS_PER_MESSAGE)) });
      }
      return { revision, hash };
    }
    case "watch":
      store.watch(
        (update) => tell(() => handOverUpdate(update)),
        (error) => tell(async () => send({ refused: faultText(error) })),
      );
      return undefined;
    default:
      return (store[method] as (...args: unknown[]) => Promise<unknown>).apply(store, [...args]);
  }
}

/** News go out one after the other. */
function tell(work: () => Promise<void>): void {
  news = news.then(work);
}

async function handOverUpdate({ differences, ...update }: TableUpdate): Promise<void> {
  for (let at = 0; at < differences.length - ROWS_PER_MESSAGE; at += ROWS_PER_MESSAGE) {
    await handOver({ differences: textOf(differences.slice(at, at + ROWS_PER_MESSAGE)) });
  }
  const last = differences.slice(Math.floor(Math.max(0, differences.length - 1) / ROWS_PER_MESSAGE) * ROWS_PER_MESSAGE);
  send({ update, differences: textOf(last) });
}

/** Sends one part of something large, and waits until it was taken in: many at once would hold up the other side. */
function handOver(part: News): Promise<void> {
  return new Promise((resolve) => {
    untaken.push(resolve);
    send(part);
  });
}

function textOf(differences: readonly RowDifference[]): string {
  return JSON.stringify(differences);
}

function send(message: Answer | News): void {
  port.postMessage(message);
}

function faultText(error: unknown): FaultText {
  const { message } = error as Error;
  return error instanceof WaypostError ? { code: error.code, message } : { message };
}
