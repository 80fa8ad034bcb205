import type { Drain } from "../../drained-address.ts";
import { WaypostError } from "../../errors.ts";
import { keyOf } from "../address-key.ts";
import type { Endpoint } from "../model.ts";
import { checkStoredRow, makeRow } from "../row-schema.ts";
import type { GatewayReport, HistoryEntry, KnownGateway } from "../store.ts";
import { REPORT_EXPIRY_MS } from "../store.ts";
import type { RedisConnection } from "./link.ts";
import { COMMIT, READ, SETTLE, type TableKeys, tableKeys } from "./scripts.ts";

/** What Redis says a table is at. */
export interface Head {
  readonly lineage: string;
  readonly revision: number;
  readonly hash: string;
  readonly chain: string;
  /** How many rows there should be. */
  readonly count: number;
  /** Lineages that this table has taken the place of by a person's decision. */
  readonly replaces: readonly string[];
}

export interface ReadTable {
  /** Redis's clock, milliseconds since 1970. */
  readonly timeMs: number;
  /** How many rows there are. */
  readonly rowCount: number;
  /** undefined when there is no table. */
  readonly head: Head | undefined;
  /** The rows that were asked for and are there. */
  readonly rows: ReadonlyMap<string, Endpoint>;
}

/** A step from one table to the next. */
export interface Step {
  readonly head: Head | undefined;
  readonly lineage: string;
  readonly entry: HistoryEntry;
  readonly count: number;
}

const SCAN_ROWS = 500;
const PAGE_ENTRIES = 200;

/** The table in Redis: each method is one exchange with the server, or a series of such for what is large. */
export class RedisTable {
  readonly keys: TableKeys;
  readonly #link: RedisConnection;

  constructor(link: RedisConnection, prefix: string) {
    this.#link = link;
    this.keys = tableKeys(prefix);
  }

  /** @param rowKeys comparison keys of rows to read */
  async read(rowKeys: readonly string[] = []): Promise<ReadTable> {
    const { rows: rowsKey, head: headKey } = this.keys;
    const reply = (await this.#link.eval(READ, 2, rowsKey, headKey, ...rowKeys)) as [string, number, ...string[]];
    const [time, rowCount, lineage = "", revision = "", hash = "", chain = "", count = "", replaces = ""] = reply;
    const rows = new Map<string, Endpoint>();
    rowKeys.forEach((key, index) => {
      const text = reply[8 + index] as string;
      if (text !== "") {
        rows.set(key, parseRow(key, text));
      }
    });
    const [seconds, microseconds] = time.split(".");
    return {
      timeMs: Number(seconds) * 1000 + Number(microseconds) / 1000,
      rowCount,
      head:
        revision === ""
          ? undefined
          : {
              lineage,
              revision: Number(revision),
              hash,
              chain,
              count: Number(count),
              replaces: replaces.split(" ").filter(Boolean),
            },
      rows,
    };
  }

  /** See COMMIT in scripts.ts. @param bound how many entries the history keeps */
  async commit(
    { head, lineage, entry, count }: Step,
    removed: Iterable<string>,
    set: Iterable<readonly [key: string, row: Endpoint]>,
    bound: number,
    deadlineMs: number,
  ): Promise<"OK" | "LATE" | "MOVED" | "DAMAGED"> {
    const removals = [...removed];
    const pairs = [...set].flatMap(([key, row]) => [key, JSON.stringify(row)]);
    const { rows, head: headKey, changes } = this.keys;
    const step = [String(entry.revision), entry.tableHash, entry.hash, String(count), JSON.stringify(entry)];
    const rest = [String(bound), String(removals.length), ...removals];
    const start = [COMMIT, "3", rows, headKey, changes, String(deadlineMs), ...expected(head), lineage];
    const reply = await this.#link.call("EVAL", start.concat(step, rest, pairs));
    return reply as "OK" | "LATE" | "MOVED" | "DAMAGED";
  }

  /** See SETTLE in scripts.ts. @param incoming rows that take the place of the stored ones; absent = those stay */
  async settle(
    { head, lineage, entry, count }: Step,
    replaces: Iterable<string>,
    incoming?: Iterable<Endpoint>,
  ): Promise<"OK" | "MOVED"> {
    const keys = this.keys;
    if (incoming !== undefined) {
      await this.#link.del(keys.incoming);
      let pairs: string[] = [];
      for (const row of incoming) {
        pairs.push(keyOf(row), JSON.stringify(row));
        if (pairs.length >= 2 * SCAN_ROWS) {
          await this.#link.hset(keys.incoming, ...pairs);
          pairs = [];
        }
      }
      if (pairs.length > 0) {
        await this.#link.hset(keys.incoming, ...pairs);
      }
    }
    const reply = await this.#link.call("EVAL", [
      ...[SETTLE, "4", keys.rows, keys.head, keys.changes, keys.incoming],
      ...[...expected(head), lineage, String(entry.revision), entry.tableHash, entry.hash, String(count)],
      ...[JSON.stringify(entry), [...replaces].join(" "), incoming === undefined ? "0" : "1"],
    ]);
    return reply as "OK" | "MOVED";
  }

  /** All rows, in no order; a row that is changed meanwhile comes as it was or as it is, or twice. */
  async *scan(): AsyncGenerator<readonly (readonly [key: string, row: Endpoint])[]> {
    let cursor = "0";
    do {
      const [next, fields] = await this.#link.hscan(this.keys.rows, cursor, "COUNT", SCAN_ROWS);
      cursor = next;
      const chunk: (readonly [string, Endpoint])[] = [];
      for (let i = 0; i + 1 < fields.length; i += 2) {
        chunk.push([fields[i]!, parseRow(fields[i]!, fields[i + 1]!)]);
      }
      yield chunk;
    } while (cursor !== "0");
  }

  /** Entries of the history, the oldest first, from a revision on. */
  async *entries(from = 0): AsyncGenerator<readonly HistoryEntry[]> {
    let next = from;
    for (;;) {
      const found = await this.#link.xrange(this.keys.changes, `${next}-0`, "+", "COUNT", PAGE_ENTRIES);
      const page = found.map(([, fields]) => parseEntry(fields));
      if (page.length > 0) {
        yield page;
      }
      if (page.length < PAGE_ENTRIES) {
        return;
      }
      next = page.at(-1)!.revision + 1;
    }
  }

  /** The entry of one revision, if it is kept. */
  async entry(revision: number): Promise<HistoryEntry | undefined> {
    const found = await this.#link.xrange(this.keys.changes, `${revision}-0`, `${revision}-0`);
    return found[0] && parseEntry(found[0][1]);
  }

  async report(report: GatewayReport): Promise<void> {
    const { gateways, gateway } = this.keys;
    const text = JSON.stringify(report);
    await this.#link.set(gateway(report.name), report.at, "PX", REPORT_EXPIRY_MS);
    await this.#link.hset(gateways, report.name, text);
  }

  async dismiss(name: string): Promise<void> {
    const { gateways, gateway } = this.keys;
    await this.#link.hdel(gateways, name);
    await this.#link.del(gateway(name));
  }

  /** What operators said of addresses, by place. */
  async drains(): Promise<Drain[]> {
    const drains = Object.values(await this.#link.hgetall(this.keys.drained)).map((text) => JSON.parse(text) as Drain);
    return drains.sort((a, b) => (a.place < b.place ? -1 : 1));
  }

  async setDrain(place: string, drain: Drain | undefined): Promise<void> {
    if (drain === undefined) await this.#link.hdel(this.keys.drained, place);
    else await this.#link.hset(this.keys.drained, place, JSON.stringify(drain));
  }

  /** Every gateway that has reported within a day. */
  async gateways(nowMs: number): Promise<KnownGateway[]> {
    const { gateways, gateway } = this.keys;
    const reports = Object.values(await this.#link.hgetall(gateways)).map((text) => JSON.parse(text) as GatewayReport);
    const known: KnownGateway[] = [];
    for (const report of reports) {
      const live = (await this.#link.exists(gateway(report.name))) === 1;
      if (live || nowMs - Date.parse(report.at) < FORGET_MS) {
        known.push({ ...report, live });
      } else {
        await this.#link.hdel(gateways, report.name);
      }
    }
    return known.sort((a, b) => (a.name < b.name ? -1 : 1));
  }
}

const FORGET_MS = 24 * 3_600_000;

/** An entry as the stream holds it. */
export function parseEntry(fields: readonly string[]): HistoryEntry {
  return JSON.parse(fields[1] ?? "null") as HistoryEntry;
}

function expected(head: Head | undefined): [revision: string, chain: string] {
  return head === undefined ? ["", ""] : [String(head.revision), head.chain];
}

/** A stored row, checked. @throws WaypostError TABLE_INVALID */
function parseRow(key: string, text: string): Endpoint {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid(key, "it is not JSON");
  }
  // Which pools are a gateway itself differs between gateways; who changes a row has checked it.
  const row = checkStoredRow(value, () => false);
  if (Array.isArray(row)) {
    throw invalid(key, row.map((finding) => finding.text).join("; "));
  }
  const { version, createdAt, createdBy, updatedAt, updatedBy } = row;
  if (!version || !createdAt || createdBy === undefined || !updatedAt || updatedBy === undefined) {
    throw invalid(key, "its version, or who changed it and when, is missing");
  }
  return makeRow(row, { version, createdAt, createdBy, updatedAt, updatedBy });
}

function invalid(key: string, what: string): WaypostError {
  return new WaypostError("TABLE_INVALID", `the row ${key} in Redis cannot be used: ${what}`);
}
