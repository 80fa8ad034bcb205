import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import t from "tap";
import { type Closing, GatewayProcess } from "../support/gateway.ts";
import { freePort } from "./free-port.ts";
import { play, type SippTransport } from "./sipp.ts";

const ADDRESS = "sip:ocschat@contoso.com";
const fill = {
  address: ADDRESS,
  requestUri: ADDRESS,
  callerVia: "SIP/2.0/tls 10.1.4.23:50312;ms-received-port=50312;ms-received-cid=4D00",
};

/** A gateway whose pool has these targets, in their order. */
function gatewayTo(
  t: Closing,
  transport: SippTransport,
  ports: readonly number[],
  timers: Readonly<Record<string, number>> = {},
): Promise<GatewayProcess> {
  return GatewayProcess.start(t, {
    hosts: { "pcpool.contoso.com": ports.map((port) => `${transport}:127.0.0.1:${port}`) },
    endpoints: [{ sipAddress: ADDRESS, poolFqdn: "pcpool.contoso.com" }],
    timers,
  });
}

/** A pool that takes everything and says nothing. */
async function silentPool(t: Closing, transport: SippTransport): Promise<{ port: number; heard: string[] }> {
  const heard: string[] = [];
  if (transport === "udp") {
    const socket = createSocket("udp4", (bytes) => void heard.push(bytes.toString("latin1")));
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    t.teardown(() => socket.close());
    return { port: socket.address().port, heard };
  }
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {}).on("data", (bytes) => void heard.push(bytes.toString("latin1")));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as { port: number }).port, heard };
}

for (const transport of ["udp", "tcp"] as const) {
  t.test(`a pool in trouble over ${transport}`, async (t) => {
    await t.test("answers 503: the next target takes the call, with its whole dialog (§16.7 step 6)", async (t) => {
      const calls = 3;
      const [bad, good] = [await freePort(), await freePort()];
      const gateway = await gatewayTo(t, transport, [bad, good]);
      await play(
        t,
        { scenario: "caller-session", transport, to: gateway.listener(transport), calls, fill },
        {
          scenario: "pool-refusing",
          transport,
          port: bad,
          calls,
          fill: { ...fill, answer: "503 Service Unavailable" },
        },
        { scenario: "pool-session", transport, port: good, calls, fill },
      );
    });

    await t.test("answers 503 with nobody left: the caller gets 500, never 503 (§16.7 step 6)", async (t) => {
      const bad = await freePort();
      const gateway = await gatewayTo(t, transport, [bad]);
      await play(
        t,
        {
          scenario: "caller-refused",
          transport,
          to: gateway.listener(transport),
          fill: { ...fill, status: 500, header: "Warning: 399 [^ ]+ .*pcpool.contoso.com answered 503" },
        },
        { scenario: "pool-refusing", transport, port: bad, fill: { ...fill, answer: "503 Service Unavailable" } },
      );
    });

    await t.test("answers 480: that is an answer, and no other target is asked (§16.7 step 5)", async (t) => {
      const [busy, other] = [await freePort(), await silentPool(t, transport)];
      const gateway = await gatewayTo(t, transport, [busy, other.port]);
      await play(
        t,
        {
          scenario: "caller-refused",
          transport,
          to: gateway.listener(transport),
          fill: { ...fill, status: 480, header: "Retry-After: 5" },
        },
        { scenario: "pool-refusing", transport, port: busy, fill: { ...fill, answer: "480 Temporarily Unavailable" } },
      );
      t.same(other.heard, []);
    });

    await t.test("says nothing: the next target takes the call within seconds", async (t) => {
      const [silent, good] = [await silentPool(t, transport), await freePort()];
      const gateway = await gatewayTo(t, transport, [silent.port, good], { firstResponseMs: 500 });
      await play(
        t,
        { scenario: "caller-session", transport, to: gateway.listener(transport), fill },
        { scenario: "pool-session", transport, port: good, fill },
      );
      t.match(silent.heard[0], `INVITE ${ADDRESS} SIP/2.0`, "the first target was asked first");
    });

    await t.test("says nothing, with nobody left: the caller gets 408 when Timer C fires (§16.8)", async (t) => {
      const silent = await silentPool(t, transport);
      const gateway = await gatewayTo(t, transport, [silent.port], { ringingMs: 1000 });
      await play(t, {
        scenario: "caller-refused",
        transport,
        to: gateway.listener(transport),
        fill: { ...fill, status: 408, header: "Warning: 399 [^ ]+ .*pcpool.contoso.com" },
      });
      t.match(silent.heard[0], `INVITE ${ADDRESS} SIP/2.0`);
    });
  });
}

t.test("a pool that takes no connections: the next target takes the call, and 500 with nobody left", async (t) => {
  const [closed, good] = [await freePort(), await freePort()];
  const two = await gatewayTo(t, "tcp", [closed, good]);
  await play(
    t,
    { scenario: "caller-session", transport: "tcp", to: two.listener("tcp"), calls: 3, fill },
    { scenario: "pool-session", transport: "tcp", port: good, calls: 3, fill },
  );
  const one = await gatewayTo(t, "tcp", [closed]);
  await play(t, {
    scenario: "caller-refused",
    transport: "tcp",
    to: one.listener("tcp"),
    fill: { ...fill, status: 500, header: "Warning: 399 [^ ]+ .*refused" },
  });
});
