import { parseArgs } from "node:util";
import { ROWS, type Row } from "./rows.ts";

/** What `npm run bench` is asked for. */
export interface BenchOptions {
  readonly rows: readonly Row[];
  /** The parts of the core by themselves. */
  readonly micro: boolean;
  /** Measured rounds of each row; each server runs once in a round. */
  readonly rounds: number;
  /** A revision to compare with, in place of Kamailio. */
  readonly against: string | undefined;
  /** Latency at half of the load that the slower one can take. */
  readonly latency: boolean;
  /** A file that gets the rows of this run in place of its own, such as bench/baseline.json. */
  readonly save: string | undefined;
}

export const USAGE = `npm run bench -- [options]
  --only a,b         of ${["micro", ...ROWS.map(({ id }) => id)].join(", ")}
  --rounds N         measured rounds of each row (5); three times as many for latency
  --against REV      compare with this revision of Waypost in place of Kamailio
  --no-latency       leave out the latency at half load
  --save FILE        put the rows into this file (bench/baseline.json is what later runs are compared with)`;

/** @throws Error that says what is wrong with the arguments */
export function parseBenchOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: "string" },
      rounds: { type: "string", default: "5" },
      against: { type: "string" },
      "no-latency": { type: "boolean", default: false },
      save: { type: "string" },
    },
  });
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds ${values.rounds}: not a whole number above 0`);
  const wanted = values.only?.split(",");
  const unknown = wanted?.find((id) => id !== "micro" && !ROWS.some((row) => row.id === id));
  if (unknown !== undefined) throw new Error(`--only ${unknown}: there is no such row`);
  return {
    rows: ROWS.filter(({ id }) => wanted?.includes(id) ?? true),
    micro: wanted?.includes("micro") ?? values.against === undefined,
    rounds,
    against: values.against,
    latency: !values["no-latency"],
    save: values.save,
  };
}
