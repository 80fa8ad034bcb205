/**
 * `npm run bench:scale`: how a gateway does with large tables, many pending INVITEs, many connections, calls among
 * these, and none of it.
 * About a quarter of an hour; `-- tables`, `pending`, `connections`, `crowd` or `idle` for one part. It ends by itself.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { machine, ownCores, revision } from "./machine.ts";
import { connections } from "./scale/connections.ts";
import { crowd } from "./scale/crowd.ts";
import { idle } from "./scale/idle.ts";
import { pending } from "./scale/pending.ts";
import type { Stage } from "./scale/stage.ts";
import { tables } from "./scale/tables.ts";
import { makeCertificate } from "./servers/certificate.ts";
import { kamailioVersion, startKamailio } from "./servers/kamailio.ts";
import { startWaypost } from "./servers/waypost.ts";

const PARTS = { idle, pending, connections, crowd, tables } as const;

const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => !(name in PARTS));
if (unknown !== undefined) {
  console.error(`there is no part ${unknown}; there are ${Object.keys(PARTS).join(", ")}`);
  process.exit(1);
}
const folder = mkdtempSync(join(tmpdir(), "waypost-bench-tls-"));
try {
  const stage: Stage = {
    cores: ownCores(),
    tls: await makeCertificate(folder),
    waypost: (setup) => startWaypost("Waypost", join(import.meta.dirname, "../.."), setup),
    kamailio: kamailioVersion() === undefined ? undefined : startKamailio,
  };
  const { node, cpu, cores, kernel, loadAverage } = machine();
  console.log(
    `Waypost ${revision()}, Node ${node}, ${cpu} with ${cores} cores, Linux ${kernel}, load average ${loadAverage}`,
  );
  for (const [name, part] of Object.entries(PARTS)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    console.log(`\n${name}\n${(await part(stage)).join("\n")}`);
  }
} finally {
  rmSync(folder, { recursive: true });
}
