import t from "tap";
import { freePort } from "../support/free-port.ts";
import { fullBacklog } from "../support/full-backlog.ts";
import { GatewayProcess } from "../support/gateway.ts";
import { silentPool } from "./silent-pool.ts";
import { play } from "./sipp.ts";

const UNAVAILABLE = "503 Service Unavailable";

for (const transport of ["udp", "tcp"] as const) {
  t.test(`a pool in trouble over ${transport}`, async (t) => {
    // No two pools share an address that fails: what one call has learnt must not matter to the next.
    const silent = await silentPool(t, transport);
    const port = {
      refusing: await freePort(),
      refusingAlone: await freePort(),
      busy: await freePort(),
      closed: await freePort(),
      closedAlone: await freePort(),
      good: await freePort(),
    };
    const target = (port: number) => `${transport}:127.0.0.1:${port}`;
    const hosts = {
      "two.contoso.com": [target(port.refusing), target(port.good)],
      "one.contoso.com": [target(port.refusingAlone)],
      "busy.contoso.com": [target(port.busy), target(silent.port)],
      "half-silent.contoso.com": [target(silent.port), target(port.good)],
      "silent.contoso.com": [target(silent.port)],
      "half-closed.contoso.com": [target(port.closed), target(port.good)],
      "closed.contoso.com": [target(port.closedAlone)],
    };
    // A stop would wait until the silent server has answered, or never will.
    const settings = { drain: { seconds: 1 } };
    const endpoints = Object.keys(hosts).map((poolFqdn) => ({
      sipAddress: addressOf(poolFqdn),
      poolFqdn,
    }));
    const gateway = await GatewayProcess.start(t, { hosts, endpoints, timers: { firstResponseMs: 1500 }, settings });

    const caller = (name: string) => ({ transport, to: gateway.listener(transport), fill: fillFor(name) });
    const pool = (name: string, port: number) => ({ transport, port, fill: fillFor(name) });

    await t.test("answers 503: the next target takes the call, with its whole dialog (§16.7 step 6)", async (t) => {
      const name = "two.contoso.com";
      const refusing = pool(name, port.refusing);
      await play(
        t,
        { ...caller(name), scenario: "caller-session" },
        { ...refusing, scenario: "pool-refusing", fill: { ...refusing.fill, answer: UNAVAILABLE } },
        { ...pool(name, port.good), scenario: "pool-session" },
      );
    });

    await t.test("answers 503 with nobody left: the caller gets 500, never 503 (§16.7 step 6)", async (t) => {
      const name = "one.contoso.com";
      const expected = { status: 500, header: "Warning: 399 [^ ]+ .*one.contoso.com answered 503" };
      await play(
        t,
        { ...caller(name), scenario: "caller-refused", fill: { ...fillFor(name), ...expected } },
        {
          ...pool(name, port.refusingAlone),
          scenario: "pool-refusing",
          fill: { ...fillFor(name), answer: UNAVAILABLE },
        },
      );
    });

    await t.test("answers 480: that is an answer, and no other target is asked (§16.7 step 5)", async (t) => {
      const name = "busy.contoso.com";
      const expected = { status: 480, header: "Retry-After: 5" };
      await play(
        t,
        { ...caller(name), scenario: "caller-refused", fill: { ...fillFor(name), ...expected } },
        { ...pool(name, port.busy), scenario: "pool-refusing", fill: { ...fillFor(name), answer: "480 Unavailable" } },
      );
      t.same(silent.heard, []);
    });

    await t.test("says nothing: the next target takes the call within seconds", async (t) => {
      const name = "half-silent.contoso.com";
      await play(
        t,
        { ...caller(name), scenario: "caller-session" },
        { ...pool(name, port.good), scenario: "pool-session" },
      );
      t.match(silent.heard[0], `INVITE ${addressOf(name)} SIP/2.0`, "the first target was asked first");
    });

    await t.test("says nothing, with nobody left: the caller gets 408 when Timer C fires (§16.8)", async (t) => {
      const name = "silent.contoso.com";
      const impatient = await GatewayProcess.start(t, { hosts, endpoints, timers: { ringingMs: 1000 }, settings });
      const expected = { status: 408, header: `Warning: 399 [^ ]+ .*${name}` };
      await play(t, {
        ...caller(name),
        scenario: "caller-refused",
        to: impatient.listener(transport),
        fill: { ...fillFor(name), ...expected },
      });
      t.ok(silent.heard.some((bytes) => bytes.startsWith(`INVITE ${addressOf(name)} SIP/2.0`)));
    });

    if (transport === "tcp") {
      await t.test("takes no connections: the next target takes the call", async (t) => {
        const name = "half-closed.contoso.com";
        await play(
          t,
          { ...caller(name), scenario: "caller-session" },
          { ...pool(name, port.good), scenario: "pool-session" },
        );
      });

      await t.test("lets a connection hang: the next target takes the call after timers.connectMs", async (t) => {
        const name = "hanging.contoso.com";
        const gateway = await GatewayProcess.start(t, {
          hosts: { [name]: [target(await fullBacklog(t)), target(port.good)] },
          endpoints: [{ sipAddress: addressOf(name), poolFqdn: name }],
          timers: { connectMs: 300, firstResponseMs: 60_000 },
        });
        await play(
          t,
          { ...caller(name), to: gateway.listener(transport), scenario: "caller-session" },
          { ...pool(name, port.good), scenario: "pool-session" },
        );
      });

      await t.test("takes no connections, with nobody left: the caller gets 500", async (t) => {
        const name = "closed.contoso.com";
        const expected = { status: 500, header: "Warning: 399 [^ ]+ .*refused" };
        await play(t, { ...caller(name), scenario: "caller-refused", fill: { ...fillFor(name), ...expected } });
      });
    }
  });
}

/** Each pool has an address of its own. */
function addressOf(poolFqdn: string): string {
  return `sip:${poolFqdn.split(".")[0]}@contoso.com`;
}

function fillFor(poolFqdn: string): Record<string, string> {
  return {
    address: addressOf(poolFqdn),
    requestUri: addressOf(poolFqdn),
    callerVia: "SIP/2.0/tls 10.1.4.23:50312;ms-received-port=50312;ms-received-cid=4D00",
  };
}
