import t from "tap";
import { type Bound, GatewayProcess } from "../support/gateway.ts";
import { backInDialog, contact, inDialog, invite, newCallId } from "./requests.ts";
import { SipNode } from "./sip-node.ts";

/** How a call goes: the caller's and the pool's transport and IP family. */
interface Crossing {
  readonly caller: readonly ["udp" | "tcp", 4 | 6];
  readonly pool: readonly ["udp" | "tcp", 4 | 6];
}

const CROSSINGS: readonly Crossing[] = [
  { caller: ["udp", 6], pool: ["udp", 6] },
  { caller: ["tcp", 6], pool: ["tcp", 6] },
  { caller: ["udp", 4], pool: ["udp", 6] },
  { caller: ["tcp", 4], pool: ["tcp", 6] },
  { caller: ["tcp", 6], pool: ["udp", 4] },
];

const LOOPBACK = { 4: "127.0.0.1", 6: "::1" } as const;

t.test("dialogs through a gateway with IPv4 and IPv6", async (t) => {
  const pools = { 4: await SipNode.start(t, LOOPBACK[4]), 6: await SipNode.start(t, LOOPBACK[6]) };
  const ends = CROSSINGS.map(({ pool: [transport, family] }, index) => ({
    sipAddress: `sip:chat${index}@contoso.com`,
    poolFqdn: `pool${index}.contoso.com`,
    target: pools[family].target(transport),
  }));
  const gateway = await GatewayProcess.start(t, {
    listen: (["udp", "tcp"] as const).flatMap((transport) =>
      [LOOPBACK[4], LOOPBACK[6]].map((host) => ({ transport, host })),
    ),
    hosts: Object.fromEntries(ends.map(({ poolFqdn, target }) => [poolFqdn, [target]])),
    endpoints: ends.map(({ sipAddress, poolFqdn }) => ({ sipAddress, poolFqdn })),
  });

  for (const [index, { caller: from, pool: to }] of CROSSINGS.entries()) {
    const [inward, outward] = [from, to].map(([transport, family]) => `${transport} over IPv${family}`);
    await t.test(`from ${inward} to ${outward}: INVITE, ACK, INFO both ways, BYE (§16.4)`, async (t) => {
      const pool = pools[to[1]];
      const caller = await SipNode.start(t, LOOPBACK[from[1]]);
      const link = await caller.to(gateway.listener(...from));

      const callId = newCallId();
      link.send(invite(link, { to: ends[index]!.sipAddress, callId }));
      const call = await pool.request("INVITE", callId);
      const sides = call.message.list("Record-Route").map(side);
      t.equal(sides[0], sipUri(gateway.listener(...to)), "the side of the pool is on top");
      t.equal(sides.at(-1), sipUri(gateway.listener(...from)), "the side of the caller is at the bottom");
      const headers = `Contact: ${contact("pool", call.link)}\r\n`;
      call.link.send(call.message.reply("200 OK", { toTag: "p1", headers }));
      const ok = await caller.answer("1 INVITE", callId);
      t.same(ok.list("Record-Route"), call.message.list("Record-Route"));

      link.send(inDialog(link, "ACK", 1, ok));
      link.send(inDialog(link, "INFO", 2, ok));
      t.same((await pool.request("ACK", callId)).message.list("Route"), [], "no Route is left over");
      const info = await pool.request("INFO", callId);
      info.link.send(info.message.reply("200 OK"));
      t.equal((await caller.answer("2 INFO", callId)).status, 200);

      call.link.send(backInDialog(call.link, "INFO", 1, call.message, "p1"));
      const back = await caller.request("INFO", callId);
      t.equal(back.message.requestUri, `sip:alice@${link.local};transport=${link.transport}`);
      t.same(back.message.list("Route"), []);
      back.link.send(back.message.reply("200 OK"));
      t.equal((await pool.answer("1 INFO", callId)).status, 200);

      link.send(inDialog(link, "BYE", 3, ok));
      const bye = await pool.request("BYE", callId);
      bye.link.send(bye.message.reply("200 OK"));
      t.equal((await caller.answer("3 BYE", callId)).status, 200);
    });
  }
});

function sipUri({ transport, address, port }: Bound): string {
  return `<sip:${address.includes(":") ? `[${address}]` : address}:${port};transport=${transport};lr>`;
}

/** A Record-Route value without its user part, which is the gateway's own affair. */
function side(route: string): string {
  return route.replace(/<sip:[^@>]*@/, "<sip:");
}
