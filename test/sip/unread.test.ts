import t from "tap";
import { refuseUnread, type UnreadKind, unreadKind } from "../../src/sip/unread.ts";
import { CoreHarness, Message } from "../support/core-harness.ts";
import { TABLE } from "../torture/table.ts";
import { FRONT_END, inDialog, lookupInvite, request } from "../wire/texts.ts";

const SOURCE = { address: FRONT_END, port: 5060 };
const bytes = (text: string): Buffer => Buffer.from(text, "latin1");

t.test("what a message is for is told from its bytes", async (t) => {
  const invite = lookupInvite();
  for (const [text, kind] of [
    [invite, "new"],
    [inDialog("INFO"), "in-dialog"],
    [inDialog("INFO").replace("To:", "t :"), "in-dialog"],
    [inDialog("INFO").replace(";tag=1347777be4", " ;\r\n tag = x"), "in-dialog"],
    [inDialog("ACK"), "vital"],
    [inDialog("BYE"), "vital"],
    [request("CANCEL"), "vital"],
    ["SIP/2.0 200 OK\r\n\r\n", "vital"],
    [invite.replace("To: <sip:ocschat@contoso.com>", "To: <sip:ocschat@contoso.com;tag=no>"), "new"],
    [invite.replace("To: <sip:ocschat@contoso.com>", 'To: ">;tag=no" <sip:ocschat@contoso.com>'), "new"],
    [invite.replace("To: <sip:ocschat@contoso.com>", "To: sip:ocschat@contoso.com;tag=yes"), "in-dialog"],
    // The first closing bracket ends the address, for the parser as well; found by fuzzing.
    [invite.replace("To: <sip:ocschat@contoso.com>", "To: <sip:ocschat@contoso.com;x=>;tag=yes>"), "in-dialog"],
    [invite.replace("To: ", "Topic: ;tag=no\r\nTo: "), "new"],
    [`${invite}To: <sip:a@b>;tag=body`, "new"],
    [invite.replace(" SIP/2.0", " HTTP/1.1"), "unknown"],
    [`\r\n${invite}`, "unknown"],
    ["", "unknown"],
    ["ACK", "unknown"],
    ["INVITE sip:a@b SIP/2.0\r\n\r\nTo: <sip:a@b>;tag=1\r\n", "unknown"],
    ["INVITE sip:a@b SIP/2.0\r\nTo", "unknown"],
    ["\r\n\r\n\r\n\r\n\r\n", "unknown"],
  ] as [string, UnreadKind][]) {
    t.equal(unreadKind(bytes(text)), kind, JSON.stringify(text.slice(0, 200)));
  }
});

t.test("a refusal without reading is the one that the core would have made (§8.2.6)", async (t) => {
  const core = new CoreHarness({ decide: { kind: "reject", status: 404, reason: "Not Found", explanation: "" } });
  const headers = ["Via", "From", "To", "Call-ID", "CSeq", "Content-Length"] as const;
  let compared = 0;
  for (const text of [...TABLE.map(({ message }) => message), lookupInvite()]) {
    const message = bytes(text);
    const peer = core.udp(FRONT_END);
    core.clear();
    peer.says(message.toString("latin1"));
    const answers = core.unheard.filter(({ status }) => status >= 300);
    const refused = refuseUnread(message, SOURCE, "SIP/2.0 503 Service Unavailable", "t", "Retry-After: 7\r\n");
    if (answers.length !== 1 || refused === undefined) continue;
    const [read, unread] = [answers[0]!, new Message(refused.bytes)];
    t.equal(unread.startLine, "SIP/2.0 503 Service Unavailable");
    t.equal(unread.one("Retry-After"), "7");
    for (const name of headers) {
      const plain = (values: string[]) => values.map((value) => value.replace(/;tag=[\w-]+$/, ""));
      t.same(plain(unread.all(name)), plain(read.all(name)), `${name} of ${text.slice(0, 60)}`);
    }
    compared++;
  }
  t.ok(compared >= 25, `${compared} messages were compared`);
});

t.test(
  "a refusal goes where a response would: to the Via's port, or with rport to the source's (RFC 3581 §4)",
  async (t) => {
    const from = { address: "192.0.2.9", port: 40_000 };
    const refuse = (text: string) => refuseUnread(bytes(text), from, "SIP/2.0 503 Service Unavailable", "t", "")!;
    const plain = refuse(lookupInvite({ sentBy: "10.1.0.1:5070" }));
    t.equal(plain.port, 5070);
    t.match(
      new Message(plain.bytes).all("Via")[0],
      /^SIP\/2\.0\/UDP 10\.1\.0\.1:5070;branch=[\w-]+;received=192\.0\.2\.9$/,
    );
    const symmetric = refuse(lookupInvite({ branch: "z9hG4bK1;rport" }));
    t.equal(symmetric.port, 40_000);
    t.match(new Message(symmetric.bytes).all("Via")[0], /;rport=40000;received=192\.0\.2\.9$/);
    t.equal(refuse(lookupInvite({ sentBy: "fe01.contoso.com" })).port, 5060);
  },
);

t.test("what does not tell enough for an answer gets none", async (t) => {
  const invite = lookupInvite();
  for (const [title, text] of [
    ["no end of the head", invite.slice(0, -2)],
    ["no Via", invite.replace(/^Via.*\r\n/gm, "")],
    ["a broken Via", invite.replace("SIP/2.0/UDP", "SIP/2.0")],
    ["no CSeq", invite.replace(/^CSeq.*\r\n/m, "")],
    ["no Call-ID", invite.replace(/^Call-ID.*\r\n/m, "")],
    ["a head without end", invite.replace("\r\nCSeq", `\r\nX: ${"x".repeat(20_000)}\r\nCSeq`)],
    ["nothing", ""],
    ["line ends alone", "\r\n\r\n\r\n\r\n"],
  ] as const) {
    t.equal(refuseUnread(bytes(text), SOURCE, "SIP/2.0 503 Service Unavailable", "t", ""), undefined, title);
  }
});

t.test("no answer is made from lines that a peer may take for two: a lone CR, a NUL", async (t) => {
  for (const broken of ["a\rX: y", "a\0b"]) {
    const text = lookupInvite().replace(/Call-ID: .*\r\n/, `Call-ID: ${broken}\r\n`);
    t.equal(refuseUnread(bytes(text), SOURCE, "SIP/2.0 503 Service Unavailable", "t", ""), undefined);
  }
});
