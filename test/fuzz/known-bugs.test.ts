import t, { type Test } from "tap";
import { StreamFraming } from "../../src/sip/framing.ts";
import { CoreHarness, type Message } from "../support/core-harness.ts";
import { CLIENT, FRONT_END, lookupInvite, POOL, request } from "../wire/texts.ts";

/** The classes of bugs that SIP parsers had, each tried on the whole core; a trace of it must not reach the pool. */

const EMPTY = { serverTransactions: 0, clientTransactions: 0, timers: 0, queries: 0 };

/** What a request comes to: the status that the caller gets, or the request that the pool gets. */
function outcome(t: Test, text: string): { status: number | undefined; forwarded: Message | undefined } {
  const net = new CoreHarness();
  const frontEnd = net.udp(FRONT_END);
  frontEnd.says(text);
  const forwarded = net.udp(POOL).inbox[0];
  const status = frontEnd.inbox.find((answer) => answer.status >= 200)?.status;
  net.advance(1_000_000);
  t.same(net.core.load, EMPTY, "and nothing is left");
  return { status, forwarded };
}

const invite = lookupInvite();
const TO = "To: <sip:ocschat@contoso.com>";

for (const [title, text] of [
  ["a missing To", invite.replace(/^To: .*\r\n/m, "")],
  ["a doubled To", invite.replace(TO, `${TO}\r\nTo: <sip:eve@contoso.com>`)],
  ["a doubled To, once in its compact form", invite.replace(TO, `${TO}\r\nt: <sip:eve@contoso.com>`)],
  ["a Via without a transport", invite.replace("SIP/2.0/UDP", "SIP/2.0")],
  ["a Via whose port is no number", invite.replace(`${FRONT_END}:5060`, `${FRONT_END}:50x`)],
  ["a Via with an open bracket", invite.replace(`${FRONT_END}:5060`, "[2001:db8::1")],
  ["a header name with a fold before its colon", invite.replace("Max-Forwards:", "Max-Forwards\r\n :")],
  ["an unterminated quote in From", invite.replace("From: <", 'From: "Alice <')],
  ["an unterminated quote in To", invite.replace("To: <", 'To: "Chat <')],
  ["a Content-Length that promises more than there is", invite.replace("Content-Length: 0", "Content-Length: 1000")],
  ["two Content-Lengths", invite.replace("Content-Length: 0", "Content-Length: 0\r\nl: 5")],
  ["NUL in a folded header", invite.replace("Max-Forwards", "Subject: a\r\n b\0c\r\nMax-Forwards")],
  ["NUL in a header name", invite.replace("Max-Forwards", "Sub\0ject: a\r\nMax-Forwards")],
  [
    "a bare CR that could pass for a line end",
    invite.replace("Max-Forwards", "X: a\rRoute: <sip:evil>\r\nMax-Forwards"),
  ],
  ["a bare LF right behind the name of a header", invite.replace("Max-Forwards", "Via:\nMax-Forwards")],
  ["1.5e10 as CSeq", invite.replace("CSeq: 1 ", "CSeq: 1.5e10 ")],
  ["+10 as CSeq", invite.replace("CSeq: 1 ", "CSeq: +10 ")],
  ["1.5e10 as Max-Forwards", invite.replace("Max-Forwards: 69", "Max-Forwards: 1.5e10")],
  ["+10 as Max-Forwards", invite.replace("Max-Forwards: 69", "Max-Forwards: +10")],
  ["+10 as Content-Length", invite.replace("Content-Length: 0", "Content-Length: +0")],
  ["1.5e10 as Content-Length", invite.replace("Content-Length: 0", "Content-Length: 1.5e10")],
  ["+10 as the port of the Request-URI", invite.replace("ocschat@contoso.com SIP", "ocschat@contoso.com:+10 SIP")],
] as const) {
  t.test(`refused with 400: ${title}`, async (t) => {
    t.not(text, invite);
    t.match(outcome(t, text), { status: 400, forwarded: undefined });
  });
}

t.test(
  "a name of one digit or sign is no compact form, though some of its bits are those of a letter (§7.3.3)",
  async (t) => {
    for (const name of ["4", "6", "'"]) {
      const { forwarded } = outcome(
        t,
        invite.replace("Max-Forwards", `${name}: <sip:eve@contoso.com>\r\nMax-Forwards`),
      );
      t.equal(forwarded?.one(name), "<sip:eve@contoso.com>", name);
    }
  },
);

t.test(
  "X-a : is the header X-a, for us and whoever comes next; it smuggles nothing past either (§25.1 HCOLON)",
  async (t) => {
    const { forwarded } = outcome(t, invite.replace("Max-Forwards", "X-a : Route: <sip:evil>\r\nMax-Forwards"));
    t.same(forwarded?.all("X-a"), ["Route: <sip:evil>"]);
    t.same(forwarded?.all("Route"), []);
    const spaced = outcome(t, invite.replace("Content-Length: 0", "Content-Length : 5\r\nContent-Length: 0"));
    t.match(spaced, { status: 400, forwarded: undefined }, "and a known header with a space is still that header");
  },
);

t.test("an empty tag is no tag that a dialog could have, and harms nobody", async (t) => {
  for (const text of [invite.replace(TO, `${TO};tag=`), invite.replace("tag=1182052772", "tag=")]) {
    const { status, forwarded } = outcome(t, text);
    t.ok((status ?? 0) >= 400 || forwarded !== undefined);
    for (const name of ["From", "To"]) if (forwarded) t.equal(forwarded.all(name).length, 1);
  }
});

t.test("a branch and a tag of 60,000 characters are taken, matched and given back whole", async (t) => {
  const long = "x".repeat(30_000);
  const net = new CoreHarness();
  const frontEnd = net.udp(FRONT_END);
  frontEnd.says(lookupInvite({ branch: `z9hG4bK${long}` }).replace("tag=1182052772", `tag=${long}`));
  const forwarded = net.tcp(POOL, 5060).inbox[0] ?? net.udp(POOL).inbox[0]!;
  t.match(forwarded.one("From"), `tag=${long}`);
  t.ok(forwarded.list("Via")[1]?.includes(`branch=z9hG4bK${long}`));
  frontEnd.says(lookupInvite({ branch: `z9hG4bK${long}` }).replace("tag=1182052772", `tag=${long}`));
  t.equal(net.core.load.serverTransactions, 1, "the repetition is known");
});

t.test("__proto__ and constructor as names of headers and parameters are names like others", async (t) => {
  for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
    const { forwarded } = outcome(
      t,
      lookupInvite({
        uri: `sip:ocschat@contoso.com;${name}=1`,
        branch: `z9hG4bK1;${name}=2`,
        headers: `${name}: 3\r\nRoute: <sip:gw.contoso.com;lr;${name}>\r\n`,
      }).replace("epid=", `${name}=4;epid=`),
    );
    t.equal(forwarded?.requestUri, `sip:ocschat@contoso.com;${name}=1`);
    t.same(forwarded?.all(name), ["3"]);
    t.match(forwarded?.one("From"), `;${name}=4;`);
  }
  t.equal(({} as Record<string, unknown>)["1"], undefined);
});

t.test("a lying Content-Length on a stream never lets the body be read as a request", async (t) => {
  const inner = request("BYE", { callId: "smuggled" });
  const outer = (length: number | string): Buffer =>
    Buffer.from(`${request("MESSAGE").replace("Content-Length: 0", `Content-Length: ${length}`)}${inner}`, "latin1");
  for (const length of ["", "abc", "-1", "+5", "1.5e1", "0x10"]) {
    const framing = new StreamFraming();
    framing.push(outer(length));
    t.equal(framing.next(), undefined, `Content-Length: ${length}`);
    t.equal(framing.error, "content-length-malformed");
  }
  const whole = new StreamFraming();
  whole.push(outer(inner.length));
  t.equal(whole.next()?.length, outer(inner.length).length);
  t.equal(whole.next(), undefined);
});

t.test("a connection that closes while its transaction lives costs an answer and nothing else", async (t) => {
  const net = new CoreHarness();
  const client = net.tcp(CLIENT, 40_000);
  client.says(lookupInvite({ transport: "TCP", sentBy: `${CLIENT}:40000` }));
  const forwarded = net.udp(POOL).hears();
  client.breaks();
  net.udp(POOL).answers(forwarded, "200 OK");
  net.advance(1_000_000);
  t.same(net.core.load, EMPTY);
});
