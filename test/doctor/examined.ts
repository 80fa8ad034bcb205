import { type Examination, examine } from "../../src/doctor/doctor.ts";
import type { Reach } from "../../src/doctor/reach.ts";
import { Steps } from "../../src/doctor/step.ts";
import type { Endpoint } from "../../src/endpoints/model.ts";
import { EndpointTable } from "../../src/endpoints/table.ts";
import { hashOf } from "../../src/endpoints/table-hash.ts";
import { Locator } from "../../src/locate/locator.ts";
import type { Target, TransportName } from "../../src/sip/flow.ts";
import { TlsDialler } from "../../src/transport/tls/dialler.ts";
import { readMaterial } from "../../src/transport/tls/material.ts";
import { row } from "../endpoints/row.ts";
import { freePort } from "../support/free-port.ts";

type T = { teardown(undo: () => unknown): void };
type Place = Pick<Target, "address" | "port"> & { transport?: "udp" | "tcp" | "tls" };

/** Ways out in which `pcpool.contoso.com` is at these places, and every other name is unknown. */
export async function reaching(
  t: T,
  places: readonly Place[],
  withinMs = 10_000,
  transports: readonly TransportName[] = ["tcp"],
): Promise<Reach> {
  const host = "pcpool.contoso.com";
  const targets = places.map(({ transport = "tcp", address, port }) => ({ transport, address, port, host }));
  const waysOut = transports.map((transport) => ({ transport, family: 4 as const }));
  const locator = new Locator({
    hosts: [[host, targets]],
    servers: [],
    waysOut,
    clock: () => performance.now(),
    source: { close: () => undefined, lookup: async () => ({ kind: "failed", reason: "there is no DNS here" }) },
  });
  t.teardown(() => locator.close());
  return { locator, waysOut, dialler: new TlsDialler({}, await readMaterial({}, false)), withinMs };
}

/** Examines the way of `sip:ocschat@contoso.com`. */
export async function examined(
  reach: Reach,
  endpoints: readonly Endpoint[] = [row()],
  more: Partial<Examination> = {},
): Promise<Steps> {
  const table = new EndpointTable({ revision: 1, hash: hashOf(endpoints), endpoints });
  const steps = new Steps();
  const find = (key: string) => table.find(key);
  await examine({ address: "OCSChat@contoso.com", find, reach, gateway: [], callWithinMs: 10_000, ...more }, steps);
  return steps;
}

/** A port on which nobody listens, and that the system gives to nobody by itself. */
export async function closedPort(): Promise<Place> {
  return { address: "127.0.0.1", port: await freePort() };
}
