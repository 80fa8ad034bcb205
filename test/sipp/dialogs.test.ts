import t from "tap";
import { type Closing, GatewayProcess, type Row } from "../support/gateway.ts";
import { freePort } from "./free-port.ts";
import { play, type SippTransport } from "./sipp.ts";

const ADDRESS = "sip:OCSChat@contoso.com";
const CALLS = 5;

/** A gateway whose endpoint leads to a pool at a free port. */
async function gatewayToPool(
  t: Closing,
  transport: SippTransport,
  row: Partial<Row> = {},
): Promise<{ gateway: GatewayProcess; pool: number }> {
  const pool = await freePort();
  const gateway = await GatewayProcess.start(t, {
    hosts: { "pcpool.contoso.com": [`${transport}:127.0.0.1:${pool}`] },
    endpoints: [{ sipAddress: "sip:ocschat@contoso.com", poolFqdn: "pcpool.contoso.com", ...row }],
  });
  return { gateway, pool };
}

const asDialled = {
  address: ADDRESS,
  requestUri: ADDRESS,
  callerVia: "SIP/2.0/tls 10.1.4.23:50312;ms-received-port=50312;ms-received-cid=4D00",
};

for (const transport of ["udp", "tcp"] as const) {
  t.test(`proxied dialogs over ${transport}`, async (t) => {
    const { gateway, pool } = await gatewayToPool(t, transport);
    const caller = { transport, to: gateway.listener(transport), calls: CALLS, fill: asDialled };
    const server = { transport, port: pool, calls: CALLS, fill: asDialled };

    await t.test("INVITE, ACK, INFO in both directions and BYE reach the other side", async (t) => {
      await play(t, { ...caller, scenario: "caller-session" }, { ...server, scenario: "pool-session" });
    });

    await t.test("INFO and BYE of the pool reach a front end that the gateway never dialled (§16.4)", async (t) => {
      const listener = await freePort();
      await play(
        t,
        {
          ...caller,
          scenario: "caller-waits-elsewhere",
          fill: { ...asDialled, frontEnd: `127.0.0.1:${listener}` },
        },
        { ...server, scenario: "pool-hangs-up" },
        { ...server, scenario: "front-end-listener", port: listener },
      );
    });

    await t.test("SUBSCRIBE and un-SUBSCRIBE reach the pool, its NOTIFYs the subscriber (RFC 6665)", async (t) => {
      await play(t, { ...caller, scenario: "caller-subscribe" }, { ...server, scenario: "pool-subscribe" });
    });

    await t.test("CANCEL is answered 200, passed on, and ends the INVITE with 487 (§16.10)", async (t) => {
      await play(t, { ...caller, scenario: "caller-cancel" }, { ...server, scenario: "pool-ringing" });
    });
  });
}

t.test("a legacy client without a front end, its Vias without branch, has its dialog", async (t) => {
  for (const transport of ["tcp", "udp"] as const) {
    await t.test(`with a pool over ${transport}`, async (t) => {
      const { gateway, pool } = await gatewayToPool(t, transport);
      const fill = { ...asDialled, callerVia: "SIP/2.0/tcp 127.0.0.1:[0-9]+" };
      await play(
        t,
        { scenario: "client-session", transport: "tcp", to: gateway.listener("tcp"), calls: CALLS, fill },
        { scenario: "pool-session", transport, port: pool, calls: CALLS, fill },
      );
    });
  }
});

t.test("with requestUri pool, the pool is asked for user@pool while To stays as dialled", async (t) => {
  const { gateway, pool } = await gatewayToPool(t, "tcp", { requestUri: "pool" });
  const fill = { ...asDialled, requestUri: "sip:OCSChat@pcpool.contoso.com" };
  await play(
    t,
    { scenario: "caller-session", transport: "tcp", to: gateway.listener("tcp"), fill },
    { scenario: "pool-session", transport: "tcp", port: pool, fill },
  );
});
