import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import type { MemoryFigures } from "./probe.ts";

/** Series of the metrics page that have to be 0 when nothing goes on, whatever the labels they stand with. */
const MUST_BE_ZERO = [
  "waypost_transactions",
  "waypost_unanswered_requests",
  "waypost_connections",
  "waypost_bans",
] as const;
const TABLES_AT_ZERO = [
  "timers",
  "look-ups",
  "DNS questions",
  "named connections",
  "sources with connections",
  "bans",
] as const;

/** What a gateway shows of its tables. */
export class Tables {
  /** By name, what is more than 0 and should not be. */
  readonly left: readonly string[];
  /** Tables that remember: how many, of how many at most. */
  readonly remembered: readonly { readonly name: string; readonly entries: number; readonly bound: number }[];

  constructor(page: string) {
    const series = [...page.matchAll(/^(\w+)(?:\{([^}]*)\})? (\S+)$/gm)].map(([, name, labels = "", value]) => {
      return { name: name!, table: /table="([^"]*)"/.exec(labels)?.[1], labels, value: Number(value) };
    });
    const must = (name: string, table: string | undefined): boolean =>
      (MUST_BE_ZERO as readonly string[]).includes(name) ||
      (name === "waypost_table_entries" && (TABLES_AT_ZERO as readonly (string | undefined)[]).includes(table));
    const checked = series.filter(({ name, table }) => must(name, table));
    if (checked.length < MUST_BE_ZERO.length + TABLES_AT_ZERO.length) throw new Error("the metrics lack series");
    this.left = checked
      .filter(({ value }) => value !== 0)
      .map(({ name, labels, value }) => `${name}{${labels}} ${value}`);
    this.remembered = series
      .filter(({ name, table }) => name === "waypost_table_bound" && table !== "bans")
      .map(({ table, value: bound }) => {
        const entries = series.find((one) => one.name === "waypost_table_entries" && one.table === table)?.value ?? 0;
        return { name: table!, entries, bound };
      });
  }

  static async of(admin: string): Promise<Tables> {
    return new Tables(await (await fetch(`${admin}/metrics`)).text());
  }
}

/** What each process of a gateway needs after a forced collection. @param folder of the probes' sockets */
export async function memoryFigures(folder: string): Promise<MemoryFigures[]> {
  const sockets = (await readdir(folder)).filter((name) => name.endsWith(".sock"));
  const figures = await Promise.all(sockets.map((name) => figuresOf(join(folder, name)).catch(() => undefined)));
  return figures.filter((one) => one !== undefined);
}

async function figuresOf(path: string): Promise<MemoryFigures> {
  const socket = connect(path);
  let text = "";
  socket.setEncoding("utf8").on("data", (part: string) => void (text += part));
  await once(socket, "end");
  return JSON.parse(text) as MemoryFigures;
}
