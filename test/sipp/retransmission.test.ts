import t, { type Test } from "tap";
import { freePort } from "../support/free-port.ts";
import { type Closing, GatewayProcess } from "../support/gateway.ts";
import { play, type SippPart, type SippTransport } from "./sipp.ts";

const ADDRESS = "sip:ocschat@contoso.com";
const fill = { address: ADDRESS };

async function gatewayToPool(t: Closing, transport: SippTransport): Promise<{ gateway: GatewayProcess; pool: number }> {
  const pool = await freePort();
  const gateway = await GatewayProcess.start(t, {
    hosts: { "pcpool.contoso.com": [`${transport}:127.0.0.1:${pool}`] },
    endpoints: [{ sipAddress: ADDRESS, poolFqdn: "pcpool.contoso.com" }],
  });
  return { gateway, pool };
}

/** The top branches of the requests with this method that arrived for each call. */
async function branchesOf(method: string, part: SippPart): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  for (const message of await part.received()) {
    if (!message.startsWith(`${method} `)) continue;
    const callId = /^Call-ID: *(.*?)\r?$/m.exec(message)![1]!;
    const branch = /^Via: .*?;branch=([^;,\s]+)/m.exec(message)![1]!;
    found.set(callId, [...(found.get(callId) ?? []), branch]);
  }
  return found;
}

/** Holds that each call's request with this method was forwarded once; what is sent again keeps its branch. */
async function forwardedOnce(t: Test, method: string, calls: number, pool: SippPart): Promise<void> {
  const branches = [...(await branchesOf(method, pool)).values()];
  t.equal(branches.length, calls, `the ${method} of every call reached the pool`);
  t.ok(
    branches.every((each) => new Set(each).size === 1),
    `each ${method} is forwarded once`,
  );
}

/** Without retransmissions of sipp, every message of the caller is one of the scenario. */
const options = ["-nr"];

for (const transport of ["udp", "tcp"] as const) {
  t.test(`requests that come again before their answer over ${transport} are forwarded once (§17.2)`, async (t) => {
    const calls = 5;
    const { gateway, pool } = await gatewayToPool(t, transport);
    const [, server] = await play(
      t,
      { scenario: "caller-impatient", transport, to: gateway.listener(transport), calls, options, fill },
      { scenario: "pool-slow", transport, port: pool, calls, fill },
    );
    await forwardedOnce(t, "INVITE", calls, server!);
    await forwardedOnce(t, "INFO", calls, server!);
  });
}

t.test("a request that comes again after its answer over udp is answered again, not forwarded (§17.2.2)", async (t) => {
  const calls = 5;
  const { gateway, pool } = await gatewayToPool(t, "udp");
  const [, server] = await play(
    t,
    { scenario: "caller-repeats", transport: "udp", to: gateway.listener("udp"), calls, options, fill },
    { scenario: "pool-plain", transport: "udp", port: pool, calls, fill },
  );
  await forwardedOnce(t, "INFO", calls, server!);
});

t.test("calls that lose a tenth of their datagrams come through, and none reaches the pool twice", async (t) => {
  const calls = 20;
  const { gateway, pool } = await gatewayToPool(t, "udp");
  const [, server] = await play(
    t,
    { scenario: "caller-lossy", transport: "udp", to: gateway.listener("udp"), calls, fill },
    { scenario: "pool-plain", transport: "udp", port: pool, calls, fill },
  );
  await forwardedOnce(t, "INVITE", calls, server!);
  await forwardedOnce(t, "INFO", calls, server!);
});
