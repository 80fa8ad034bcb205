import t from "tap";
import { freePort } from "../support/free-port.ts";
import { GatewayProcess } from "../support/gateway.ts";
import { play } from "./sipp.ts";

const ADDRESS = "sip:OCSChat@contoso.com";
const asDialled = {
  address: ADDRESS,
  requestUri: ADDRESS,
  callerVia: "SIP/2.0/tls 10.1.4.23:50312;ms-received-port=50312;ms-received-cid=4D00",
};

for (const transport of ["udp", "tcp"] as const) {
  t.test(`proxied dialogs with a pool over ${transport}`, async (t) => {
    const pool = await freePort();
    const gateway = await GatewayProcess.start(t, {
      hosts: { "pcpool.contoso.com": [`${transport}:127.0.0.1:${pool}`] },
      endpoints: [
        { sipAddress: "sip:ocschat@contoso.com", poolFqdn: "pcpool.contoso.com" },
        { sipAddress: "sip:chat@contoso.com", poolFqdn: "pcpool.contoso.com", requestUri: "pool" },
      ],
    });
    const both = { transport, calls: 5, fill: asDialled };
    const caller = { ...both, to: gateway.listener(transport) };
    const server = { ...both, port: pool };

    await t.test("INVITE, ACK, INFO in both directions and BYE reach the other side", async (t) => {
      await play(t, { ...caller, scenario: "caller-session" }, { ...server, scenario: "pool-session" });
    });

    await t.test("INFO and BYE of the pool reach a front end that the gateway never dialled (§16.4)", async (t) => {
      const listener = await freePort();
      const fill = { ...asDialled, frontEnd: `127.0.0.1:${listener}` };
      await play(
        t,
        { ...caller, scenario: "caller-waits-elsewhere", fill },
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

    await t.test("a legacy client over TCP without a front end, its Vias without branch, has its dialog", async (t) => {
      const fill = { ...asDialled, callerVia: "SIP/2.0/tcp 127.0.0.1:[0-9]+" };
      await play(
        t,
        { ...caller, scenario: "client-session", transport: "tcp", to: gateway.listener("tcp"), fill },
        { ...server, scenario: "pool-session", fill },
      );
    });

    await t.test("with requestUri pool, the pool is asked for user@pool while To stays as dialled", async (t) => {
      const fill = { ...asDialled, address: "sip:Chat@contoso.com", requestUri: "sip:Chat@pcpool.contoso.com" };
      await play(t, { ...caller, scenario: "caller-session", fill }, { ...server, scenario: "pool-session", fill });
    });
  });
}
