import { spawnSync } from "node:child_process";
import t from "tap";
import { Header } from "../../src/sip/header-names.ts";
import { KeyedHash } from "../../src/sip/keyed-hash.ts";
import type { SipMessage } from "../../src/sip/message.ts";
import { parseMessage } from "../../src/sip/parse.ts";
import { serverKey } from "../../src/sip/transaction/key.ts";
import { KeyHash } from "../../src/sip/transaction/key-hash.ts";
import { parseUri } from "../../src/sip/uri.ts";
import { parseVia } from "../../src/sip/via.ts";
import { CoreHarness } from "../support/core-harness.ts";

const COOKIE = "z9hG4bKa1b2c3";

interface Wanted {
  readonly method?: string;
  readonly via?: string;
  readonly lines?: string;
  readonly body?: string;
}

function text({
  method = "INVITE",
  via = `10.0.0.7:5070;branch=${COOKIE}`,
  lines = "",
  body = "",
}: Wanted = {}): string {
  return (
    `${method} sip:OCSChat@contoso.com;transport=tcp SIP/2.0\r\nVia: SIP/2.0/UDP ${via}\r\n` +
    `From: "Alice" <sip:alice@contoso.com>;tag=f1\r\nTo: <sip:OCSChat@contoso.com>;tag=t1\r\nCall-ID: c1@10.0.0.7\r\n` +
    `CSeq: 7 ${method}\r\nRoute: <sip:a.contoso.com;lr>, <sip:b.contoso.com;lr>\r\n${lines}` +
    `Content-Length: ${body.length}\r\n\r\n${body}`
  );
}

function read(message: string): SipMessage {
  const parsed = parseMessage(Buffer.from(message, "latin1"));
  if (parsed.kind !== "message") throw new Error(parsed.reason);
  return parsed.message;
}

/** Everything that a message tells. */
function told(message: SipMessage): unknown {
  const { method, requestUri, uri, topVia, from, to, cseq, callId, headersStart, headersEnd, bodyLength } = message;
  const lines: string[] = [];
  for (let at = message.find(Header.Route); at >= 0; at = message.findNext(at)) lines.push(message.valueAt(at));
  const routeEnd = message.lineEnd(message.find(Header.Route));
  const lastEnd = message.lineEnd(message.find(Header.ContentLength));
  const where = { headersStart, headersEnd, bodyLength, routeEnd, lastEnd };
  return { method, requestUri, uri, topVia, from, to, cseq, callId, lines, ...where };
}

const MANY_LINES = Array.from({ length: 3000 }, (_, i) => `X-${i}: ${i}\r\n`).join("");
const KINDS: Readonly<Record<string, string>> = {
  "a short one": text(),
  "one with noise behind its body": `${text({ body: "v=0\r\n" })}noise behind the body`,
  "a long one": text({ lines: MANY_LINES }),
  "one that is long by its body alone": text({ body: "x".repeat(20_000) }),
  "one that is long by the noise behind its body alone": text() + "x".repeat(20_000),
  "one of which each line is as short as can be": text({ lines: "a:\r\n".repeat(15_000) }),
};

for (const [kind, message] of Object.entries(KINDS)) {
  t.test(`a message tells the same after others were read: ${kind}`, async (t) => {
    const early = read(message);
    const late = read(message);
    const before = told(early);
    for (const other of Object.values(KINDS)) read(other);
    parseUri("sip:somebody.else@fabrikam.com:5070;transport=tls");
    t.same(told(late), before);
    t.same(told(early), before);
    const hash = new KeyedHash([1, 2]);
    t.equal(hash.tokenOfPath(late), hash.tokenOfPath(read(message)));
  });
}

/** Lines that a bare LF ends are the shortest there are; none of them is allowed. */
const SHORTEST: Readonly<Record<string, string>> = {
  "in a short message": `OPTIONS sip:a SIP/2.0\r\n${"a:\n".repeat(2700)}\r\n`,
  "in a long one, with a From behind them": `OPTIONS sip:a SIP/2.0\r\nVia: x\r\n${"a:\n".repeat(15_050)}f:x\r\n\r\n`,
  "in one of 100 kB": `OPTIONS sip:a SIP/2.0\r\n${"a:\n".repeat(33_000)}\r\n`,
  "which are Vias": `OPTIONS sip:a SIP/2.0\r\n${"v:\n".repeat(21_800)}\r\n`,
  "without an end": `OPTIONS sip:a SIP/2.0\r\n${"a:\n".repeat(5000)}`,
};

for (const [where, message] of Object.entries(SHORTEST)) {
  t.test(`thousands of lines that a bare LF ends leave what else is read alone: ${where}`, async (t) => {
    const before = told(read(text()));
    const parsed = parseMessage(Buffer.from(message, "latin1"));
    const core = new CoreHarness();
    const stranger = core.udp("192.0.2.66");
    stranger.says(message);
    t.match(parsed, { kind: "broken", status: 400, reason: String });
    t.equal(stranger.inbox.length, message.includes("Via: ") || message.includes("v:") ? 1 : 0);
    t.same(told(read(text())), before);
  });
}

t.test("the first message that is read may be a long one without an end", async (t) => {
  const url = new URL("../../src/sip/parse.js", import.meta.url).href;
  const code = `const { parseMessage } = await import(${JSON.stringify(url)});
    const { kind, status, reason } = parseMessage(Buffer.from("OPTIONS sip:a SIP/2.0\\r\\n" + "Subject: x\\r\\n".repeat(1000)));
    console.log(JSON.stringify({ kind, status, reason }));`;
  const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", code], { encoding: "utf8" });
  t.same(JSON.parse(stdout), { kind: "broken", status: 400, reason: "no empty line ends the headers" });
});

t.test("a long message is read right when it is held again after a longer text", async (t) => {
  const message = read(text({ lines: MANY_LINES }));
  const before = new KeyedHash([1, 2]).tokenOfPath(message);
  parseUri(`sip:${"u".repeat(100_000)}@contoso.com`);
  const via = message.find(Header.Via);
  t.match(parseVia(message.text, message.index[via + 2]!, message.index[via + 3]!), { branch: COOKIE });
  t.equal(new KeyedHash([1, 2]).tokenOfPath(message), before);
});

t.test("a long message is read right beside texts that are read in between", async (t) => {
  const message = read(text({ lines: MANY_LINES }));
  const before = new KeyedHash([1, 2]).tokenOfPath(message);
  parseUri(`sip:${"u".repeat(30_000)}@contoso.com`);
  t.equal(new KeyedHash([1, 2]).tokenOfPath(message), before);
});

t.test("where a request leads is hashed as the lines that decide it, by the key", async (t) => {
  const hash = new KeyedHash([3, 4]);
  const lines = ["sip:OCSChat@contoso.com;transport=tcp", "c1@10.0.0.7", "7 INVITE", "f1", "t1"];
  const routes = ["<sip:a.contoso.com;lr>, <sip:b.contoso.com;lr>", "<sip:c.contoso.com>"];
  const request = read(text({ lines: "Subject: between\r\nroute: <sip:c.contoso.com>\r\n" }));
  t.equal(hash.tokenOfPath(request), hash.token([...lines, ...routes].join("\n")));
  t.not(new KeyedHash([3, 5]).tokenOfPath(request), hash.tokenOfPath(request));
});

const VIAS: Readonly<Record<string, string>> = {
  "a port": `10.0.0.7:5070;branch=${COOKIE}`,
  "no port": `client.contoso.com;branch=${COOKIE};rport`,
  "a port of one digit": `client.contoso.com:7;branch=${COOKIE}`,
  "a port with zeros in front": `client.contoso.com:0005070;branch=${COOKIE}`,
  "an IPv6 address": `[2001:db8::7]:5070;branch=${COOKIE}`,
  "white space": `client.contoso.com : 5070 ; branch = ${COOKIE}`,
  "a branch that is not unique": "10.0.0.7:5070;branch=1",
  "no branch": "10.0.0.7:5070",
};

for (const method of ["INVITE", "ACK", "CANCEL", "BYE", "X-OTHER"]) {
  t.test(`§17.2.3: the hash of the key of ${method} is the same with and without making the key`, async (t) => {
    for (const [what, via] of Object.entries(VIAS)) {
      const request = read(text({ method, via }));
      t.equal(new KeyHash(0x9e3779b9 | 0).ofRequest(request), new KeyHash(0x9e3779b9 | 0).of(serverKey(request)), what);
    }
  });
}
