import type { Test } from "tap";
import type { Endpoint } from "../../src/endpoints/model.ts";
import { EndpointTable } from "../../src/endpoints/table.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { decide } from "../../src/routing/route.ts";
import type { Decision, RoutingRequest } from "../../src/sip/decision.ts";
import { row } from "../endpoints/row.ts";
import { ackFor, backInDialog, inDialog, invite, newCallId } from "../live/requests.ts";
import { type Link, SipNode } from "../live/sip-node.ts";
import { eventually } from "../support/eventually.ts";
import type { Bound } from "../support/gateway.ts";
import { Message } from "../support/sip-text.ts";

/** An engine to be tried, and the way to it. */
export interface EngineUnderTest {
  readonly engine: Engine;
  /** Where callers reach it. */
  readonly at: Bound;
}

/** Starts the engine. @param pool what `resolve.hosts` says for pcpool.contoso.com */
export type StartEngine = (
  t: Test,
  pool: readonly string[],
  decide: (request: RoutingRequest) => Decision,
) => Promise<EngineUnderTest>;

/** What every engine has to do alike. */
export async function engineCases(t: Test, start: StartEngine): Promise<void> {
  const pool = await SipNode.start(t);
  const caller = await SipNode.start(t);
  let table = new EndpointTable();
  const { engine, at } = await start(t, [pool.target("udp")], (request) => {
    return decide(request, table, { defaultRoute: "reject" });
  });
  const link = await caller.to(at);
  const serve = (...settings: Partial<Endpoint>[]): void => {
    table = new EndpointTable({ revision: 1, endpoints: settings.map((each) => row(each)) });
  };
  /** Dials and gives the final answer, acknowledged where that is the caller's part. */
  const dial = async (to: string, headers: readonly string[] = []): Promise<Message> => {
    const callId = newCallId();
    const request = invite(link, { to, callId, headers });
    link.send(request);
    const answer = await caller.answer("1 INVITE", callId);
    if (answer.status >= 300) link.send(ackFor(new Message(request), answer));
    return answer;
  };

  await t.test("an endpoint in redirect mode sends the caller to its pool (RFC 3261 §8.3)", async (t) => {
    serve({ mode: "redirect", backupPool: "dr.contoso.com" });
    const answer = await dial("sip:OCSChat@contoso.com");
    t.equal(answer.status, 302);
    t.same(answer.list("Contact"), ["<sip:OCSChat@pcpool.contoso.com>", "<sip:OCSChat@dr.contoso.com>"]);
    t.equal(answer.one("Server"), "Waypost");
  });

  await t.test("303 is the answer where the row says so", async (t) => {
    serve({ mode: "redirect", redirectStatus: 303 });
    t.equal((await dial("sip:ocschat@contoso.com")).startLine, "SIP/2.0 303 See Other");
  });

  await t.test("a redirect answers other methods too", async (t) => {
    serve({ mode: "redirect" });
    for (const method of ["SUBSCRIBE", "MESSAGE", "OPTIONS"]) {
      const callId = newCallId();
      link.send(invite(link, { to: "sip:ocschat@contoso.com", callId }).replaceAll("INVITE", method));
      t.equal((await caller.answer(`1 ${method}`, callId)).status, 302, method);
    }
  });

  await t.test("an unknown address gets 404 with a Warning that says why (RFC 3261 §20.43)", async (t) => {
    serve();
    const answer = await dial("sip:nobody@contoso.com");
    t.equal(answer.status, 404);
    t.match(answer.one("Warning"), /399 \S+ "sip:nobody@contoso\.com is no endpoint here/);
    t.match(answer.one("ms-diagnostics"), /24404;reason="sip:nobody@contoso\.com/);
  });

  await t.test("a disabled endpoint gets 480, a retired one 410 with its reason", async (t) => {
    serve({ enabled: false }, { sipAddress: "sip:old@contoso.com", retired: 410, retiredReason: "moved for good" });
    const disabled = await dial("sip:ocschat@contoso.com");
    t.equal(disabled.status, 480);
    t.match(disabled.one("Warning"), /is disabled/);
    const retired = await dial("sip:old@contoso.com");
    t.equal(retired.startLine, "SIP/2.0 410 Gone");
    t.match(retired.one("Warning"), /is retired: moved for good/);
  });

  await t.test("a call is proxied: both sides reach each other through the dialog (RFC 3261 §16)", async (t) => {
    serve({});
    const callId = newCallId();
    link.send(invite(link, { to: "sip:OCSChat@contoso.com", callId, headers: ["X-Unknown: kept"] }));
    const arrived = await pool.request("INVITE", callId);
    t.equal(arrived.message.requestUri, "sip:OCSChat@contoso.com");
    t.equal(arrived.message.one("To"), "<sip:OCSChat@contoso.com>");
    t.equal(arrived.message.one("X-Unknown"), "kept");
    t.equal(arrived.message.one("Max-Forwards"), "69");
    t.ok(arrived.message.list("Record-Route").length > 0);
    const contact = `Contact: <sip:pool@${arrived.link.local}>\r\n`;
    arrived.link.send(arrived.message.reply("200 OK", { toTag: "p1", headers: contact }));
    const ok = await caller.answer("1 INVITE", callId);
    t.equal(ok.status, 200);
    link.send(inDialog(link, "ACK", 1, ok));
    await pool.request("ACK", callId);

    link.send(inDialog(link, "INFO", 2, ok));
    const info = await pool.request("INFO", callId);
    info.link.send(info.message.reply("200 OK"));
    t.equal((await caller.answer("2 INFO", callId)).status, 200);

    const back = backInDialog(arrived.link, "INFO", 1, arrived.message, "p1");
    arrived.link.send(back);
    const atCaller = await caller.request("INFO", callId);
    atCaller.link.send(atCaller.message.reply("200 OK"));
    t.equal((await pool.answer("1 INFO", callId)).status, 200);

    link.send(inDialog(link, "BYE", 3, ok));
    const bye = await pool.request("BYE", callId);
    bye.link.send(bye.message.reply("200 OK"));
    t.equal((await caller.answer("3 BYE", callId)).status, 200);
  });

  await t.test("a pool's refusal goes to the caller as it is", async (t) => {
    serve({});
    const callId = newCallId();
    link.send(invite(link, { to: "sip:ocschat@contoso.com", callId }));
    const { message, link: back } = await pool.request("INVITE", callId);
    back.send(message.reply("403 Forbidden", { headers: "Reason-Of-The-Pool: no rights\r\n" }));
    const answer = await caller.answer("1 INVITE", callId);
    t.equal(answer.status, 403);
    t.equal(answer.one("Reason-Of-The-Pool"), "no rights");
  });

  await t.test("a row is in force for the next call", async (t) => {
    serve({});
    const callId = newCallId();
    link.send(invite(link, { to: "sip:ocschat@contoso.com", callId }));
    const { message, link: back } = await pool.request("INVITE", callId);
    back.send(message.reply("486 Busy Here"));
    t.equal((await caller.answer("1 INVITE", callId)).status, 486);
    serve({ mode: "redirect" });
    t.equal((await dial("sip:ocschat@contoso.com")).status, 302);
  });

  await t.test("a request for a dialog that nobody knows gets 481 (RFC 3261 §12.2.2)", async (t) => {
    serve();
    const callId = newCallId();
    link.send(stray(link, "INFO", callId));
    t.equal((await caller.answer("1 INFO", callId)).status, 481);
  });

  await t.test("Proxy-Require gets 420 with what is not supported (RFC 3261 §16.3 step 5)", async (t) => {
    serve({});
    const answer = await dial("sip:ocschat@contoso.com", ["Proxy-Require: teleport"]);
    t.equal(answer.status, 420);
    t.equal(answer.one("Unsupported"), "teleport");
  });

  await t.test("no request is left unanswered", async (t) => {
    // The server's word on the last one may still be on its way.
    await eventually("every request is answered", () => engine.unanswered === 0 || undefined);
    t.equal(engine.fault, undefined);
  });
}

function stray(link: Link, method: string, callId: string): string {
  return invite(link, { to: "sip:nobody@contoso.com", callId })
    .replaceAll("INVITE", method)
    .replace("To: <sip:nobody@contoso.com>", "To: <sip:nobody@contoso.com>;tag=gone");
}
