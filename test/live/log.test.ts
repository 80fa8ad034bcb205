import t from "tap";
import { GatewayProcess, type LogLine } from "../support/gateway.ts";
import { inDialog, invite } from "./requests.ts";
import { type Link, SipNode } from "./sip-node.ts";

const ADDRESS = "sip:ocschat@contoso.com";
const MOVED = "sip:moved@contoso.com";
const CREDENTIALS = [
  'Authorization: NTLM qop="auth", opaque="4F1BA35D", crand="b98294b1", response="SECRETRESPONSE1"',
  'Proxy-Authorization: Kerberos qop="auth",',
  '  gssapi-data="SECRETRESPONSE2"',
];

/** A gateway, a pool behind it that answers nothing by itself, and a caller. */
async function stage(t: { teardown(undo: () => unknown): void }, logLevel: string) {
  const pool = await SipNode.start(t);
  const gateway = await GatewayProcess.start(t, {
    logLevel,
    hosts: { "pcpool.contoso.com": [pool.target("tcp")] },
    endpoints: [
      { sipAddress: ADDRESS, poolFqdn: "pcpool.contoso.com" },
      { sipAddress: MOVED, poolFqdn: "pcpool.contoso.com", mode: "redirect" },
    ],
  });
  const caller = await SipNode.start(t);
  const link = await caller.to(gateway.listener("udp"));

  /** A whole proxied call: INVITE, ACK, BYE. */
  const call = async (callId: string): Promise<void> => {
    link.send(invite(link, { to: "sip:OCSChat@contoso.com", callId, headers: CREDENTIALS }));
    const { message, link: back } = await pool.request("INVITE", callId);
    back.send(message.reply("200 OK", { headers: `Contact: <sip:pool@${back.local};transport=tcp>\r\n` }));
    const ok = await caller.answer("1 INVITE", callId);
    link.send(inDialog(link, "ACK", 1, ok));
    link.send(inDialog(link, "BYE", 2, ok));
    const bye = await pool.request("BYE", callId);
    bye.link.send(bye.message.reply("200 OK"));
    await caller.answer("2 BYE", callId);
  };
  return { pool, gateway, caller, link, call };
}

/** The lines about a call, once the last of them must be there: what came first is written first. */
async function linesOf(gateway: GatewayProcess, link: Link, callId: string): Promise<LogLine[]> {
  link.send(invite(link, { to: "sip:last@contoso.com", callId: `after-${callId}` }));
  await gateway.logged((line) => line["callId"] === `after-${callId}`);
  return gateway.log.filter((line) => line["callId"] === callId);
}

t.test("at level info", async (t) => {
  const { gateway, pool, caller, link, call } = await stage(t, "info");

  await t.test("a proxied call is one line with all that matters", async (t) => {
    await call("proxied");
    const lines = await linesOf(gateway, link, "proxied");
    t.equal(lines.length, 1);
    t.match(lines[0], {
      level: 30,
      method: "INVITE",
      requestUri: "sip:OCSChat@contoso.com",
      decision: "proxy",
      endpoint: ADDRESS,
      target: `pcpool.contoso.com ${pool.target("tcp")}`,
      status: 200,
      ms: Number,
      source: /^udp:127\.0\.0\.1:\d+$/,
      callId: "proxied",
      time: /^\d{4}-\d\d-\d\dT[\d:.]+Z$/,
    });
  });

  await t.test("a redirected call is one line", async (t) => {
    link.send(invite(link, { to: MOVED, callId: "redirected" }));
    await caller.answer("1 INVITE", "redirected");
    const lines = await linesOf(gateway, link, "redirected");
    t.equal(lines.length, 1);
    t.match(lines[0], { decision: "redirect", endpoint: MOVED, status: 302, ms: Number });
  });

  await t.test("a refused call is one line that says why", async (t) => {
    link.send(invite(link, { to: "sip:stranger@contoso.com", callId: "refused" }));
    await caller.answer("1 INVITE", "refused");
    const lines = await linesOf(gateway, link, "refused");
    t.equal(lines.length, 1);
    t.match(lines[0], { decision: "reject", status: 404, reason: "sip:stranger@contoso.com is no endpoint" });
  });

  await t.test("there is neither message text nor a credential", async (t) => {
    await call("quiet");
    await linesOf(gateway, link, "quiet");
    t.notMatch(gateway.output.err, /SECRETRESPONSE|SIP\/2\.0|Max-Forwards/);
  });
});

t.test("at level trace there is the text of every message, with its credentials redacted", async (t) => {
  const { gateway, link, call } = await stage(t, "trace");
  await call("traced");
  await linesOf(gateway, link, "traced");
  const texts = gateway.log
    .filter(({ level, message }) => level === 10 && String(message).includes("Call-ID: traced\r\n"))
    .map(({ msg, message }) => ({ direction: msg, message: String(message) }));
  const invites = texts.filter(({ message }) => message.startsWith("INVITE "));
  t.same(
    invites.map(({ direction }) => direction),
    ["received", "sent"],
  );
  for (const { message } of invites) {
    t.match(message, "\r\nAuthorization: NTLM [redacted]\r\n");
    t.match(message, "\r\nProxy-Authorization: Kerberos [redacted]\r\n");
  }
  t.ok(texts.some(({ message }) => message.startsWith("SIP/2.0 200 ")));
  t.notMatch(gateway.output.err, /SECRETRESPONSE/);
});
