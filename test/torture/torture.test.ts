import t, { type Test } from "tap";
import { CoreHarness, defaultRoute, GATEWAY, listener, Message, type Peer, proxyTo } from "../support/core-harness.ts";
import { TABLE, type TortureCase } from "./table.ts";
import { unchangedParts } from "./unchanged.ts";
import { dblreqRegister } from "./valid-messages.ts";

const POOL = "10.2.0.1";

/** Where a message came from, where its topmost Via does not tell. */
const ANYWHERE = { address: "192.0.2.77", port: 5060 };

interface Scene {
  readonly net: CoreHarness;
  readonly caller: Peer;
}

/** A gateway that sends everything to one pool, and the caller that the message's topmost Via describes. */
function scene(message: Message): Scene {
  const via = /(UDP|TCP|TLS)\s+(\S+?)(?::(\d+))?\s*(?:;|,|$)/.exec(message.all("Via")[0]!)!;
  const transport = via[1]!.toLowerCase() as "udp" | "tcp" | "tls";
  const routedToUs = message.all("Route")[0] === "<sip:127.0.0.1:5080>";
  const net = new CoreHarness({
    listeners: routedToUs
      ? [listener("udp", "127.0.0.1", 5080, "127.0.0.1")]
      : [listener("udp"), listener("tcp"), listener("tls", GATEWAY, 5061)],
    decide: message.all("Route").length > 0 && !routedToUs ? defaultRoute(`sip:${POOL}`) : proxyTo(`sip:${POOL}`),
  });
  const address = /^[\d.]+$/.test(via[2]!) ? via[2]! : ANYWHERE.address;
  const port = Number(via[3] ?? (transport === "udp" ? ANYWHERE.port : 50312));
  return { net, caller: net.peer(transport, address, port) };
}

/** The statuses that the core sent to the caller, provisional ones left out. */
function finals(caller: Peer): number[] {
  return caller.inbox.map((message) => message.status).filter((status) => status >= 200);
}

function forwards(t: Test, { name, message: text }: TortureCase): void {
  const original = new Message(name === "dblreq" ? dblreqRegister : text);
  const { net, caller } = scene(new Message(text));
  caller.says(text);
  // §18.1.1: what is too large for UDP goes to the same place over TCP.
  const pool = Buffer.byteLength(text, "latin1") > 1300 ? net.tcp(POOL, 5060) : net.udp(POOL);
  const forwarded = pool.hears();
  t.equal(forwarded.startLine, original.startLine, "the request line is untouched");
  t.same(unchangedParts(forwarded), unchangedParts(original), "every other header line is untouched and in its place");
  t.equal(forwarded.body, original.body, "the body is untouched");
  t.same(forwarded.list("Via").slice(2), original.list("Via").slice(1), "the lower Vias are untouched");
  const callersVia = forwarded
    .list("Via")[1]!
    .replace(/;received=[\d.]+$/, "")
    .replace(/;rport=\d+/, ";rport");
  t.equal(callersVia, original.list("Via")[0], "the caller's Via has got no more than its source");
  const recorded = original.list("Record-Route");
  t.same(forwarded.list("Record-Route").slice(-recorded.length || 99), recorded, "older Record-Routes stay below ours");
  t.same(forwarded.all("Content-Length"), [String(original.body.length)], "Content-Length is right");
  const before = original.all("Max-Forwards")[0];
  t.equal(Number(forwarded.one("Max-Forwards")), before === undefined ? 70 : Number(before) - 1, "Max-Forwards counts");
  t.same(
    forwarded.list("Route"),
    original.list("Route").filter((route) => route !== "<sip:127.0.0.1:5080>"),
    "Routes are kept, but for our own",
  );
  pool.answers(forwarded, "200 OK");
  const answer = caller.inbox.find((message) => message.status === 200);
  t.ok(answer, "the answer finds its way back");
  t.same(answer?.list("Via").slice(1), original.list("Via").slice(1), "with the Vias that were sent");
  if (original.method !== "INVITE") t.same(finals(caller), [200], "and is the only one");
  t.same(net.unheard.filter((message) => message.status === 0).length, 0, "nothing else is sent");
}

function answers(t: Test, { name, message: text }: TortureCase, status: number): void {
  const original = new Message(text);
  const { net, caller } = scene(original);
  caller.says(text);
  t.same(net.decisions, [], "routing is not asked");
  t.same(
    net.unheard.filter((message) => message.status === 0),
    [],
    "nothing is forwarded",
  );
  t.same(finals(caller), [status], `the answer is ${status}`);
  const answer = caller.hears();
  for (const header of ["From", "Call-ID", "CSeq"])
    t.same(answer.all(header), original.all(header).slice(0, 1), header);
  t.same(answer.all("Content-Length"), ["0"]);
  if (name === "bext01") {
    t.same(answer.list("Unsupported"), ["noProxiesSupportThis", "norDoAnyProxiesSupportThis"], "Unsupported tells why");
  }
}

/** Sends a request that the response could answer, and tells the response's text with our Via on top of it. */
function underway({ message: text }: TortureCase): Scene & { response: string; forwarded: Message; pool: Peer } {
  const response = new Message(text);
  const { net, caller } = scene(response);
  const method = response.one("CSeq").split(" ")[1]!;
  const vias = response.list("Via").map((via) => `Via: ${via}\r\n`);
  const copied = ["From", "Call-ID"].map((name) => `${name}: ${response.one(name)}\r\n`);
  const to = response.one("To").replace(/;tag=.*/, "");
  caller.says(
    `${method} sip:user@example.edu SIP/2.0\r\n${vias.join("")}${copied.join("")}To: ${to}\r\nCSeq: 35 ${method}\r\n\r\n`,
  );
  const pool = net.udp(POOL);
  const forwarded = pool.hears();
  net.clear();
  const ours = `Via: ${forwarded.list("Via")[0]}\r\n`;
  return { net, caller, pool, forwarded, response: text.replace("Via:", () => `${ours}Via:`) };
}

function relays(t: Test, torture: TortureCase): void {
  const { caller, pool, response } = underway(torture);
  pool.says(response);
  t.equal(caller.hears().text, torture.message, "the caller reads exactly what the pool wrote");
}

function ignoresStray(t: Test, { message }: TortureCase): void {
  const { net, caller } = scene(new Message(message));
  caller.says(message);
  t.same(net.unheard, [], "nothing is sent");
  t.match(net.events, [{ type: "dropped" }], "it is counted");
}

const ABSORBED: Readonly<Record<string, (t: Test, torture: TortureCase) => void>> = {
  noreason(t, torture) {
    const { net, caller, pool, response } = underway(torture);
    pool.says(response);
    net.advance(20_000);
    t.same(caller.inbox, [], "a 100 is not sent on");
    t.same(pool.inbox, [], "but it is understood: the INVITE is not repeated");
  },
  scalarlg(t, torture) {
    const { caller, pool, forwarded, response } = underway(torture);
    pool.says(response);
    t.same(caller.inbox, [], "it is thrown away");
    pool.answers(forwarded, "200 OK");
    t.same(finals(caller), [200], "a sound answer is still waited for");
  },
  bigcode(t, torture) {
    const { caller, pool, forwarded, response } = underway(torture);
    pool.says(response);
    t.same(caller.inbox, [], "it is thrown away");
    pool.answers(forwarded, "200 OK");
    t.same(finals(caller), [200], "a sound answer is still waited for");
  },
  bcast(t, { message }) {
    const net = new CoreHarness({ decide: proxyTo(`sip:${POOL}`) });
    const attacker = net.udp("192.0.2.66");
    const via = "SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23";
    attacker.says(
      `INVITE sip:user@example.edu SIP/2.0\r\nVia: ${via}\r\nFrom: sip:user@example.com;tag=11141343\r\n` +
        `To: sip:user@example.edu\r\nCall-ID: bcast.0384840201234ksdfak3j2erwedfsASdf\r\nCSeq: 35 INVITE\r\n\r\n`,
    );
    const pool = net.udp(POOL);
    const ours = pool.hears().list("Via")[0]!;
    pool.says(message.replace("SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1324923", () => ours));
    t.same(net.udp("255.255.255.255").inbox, [], "nothing goes to the broadcast address");
  },
};

t.test("the table holds RFC 4475's 49 messages", async (t) => {
  t.equal(TABLE.length, 49);
  t.equal(new Set(TABLE.map(({ section }) => section)).size, 49);
});

for (const torture of TABLE) {
  const { name, section, title, treatment, why } = torture;
  const says = typeof treatment === "number" ? `answer ${treatment}` : treatment;
  t.test(`§${section} ${name}: ${title}: ${says}${why === undefined ? "" : ` (${why})`}`, async (t) => {
    if (treatment === "forward") forwards(t, torture);
    else if (typeof treatment === "number") answers(t, torture, treatment);
    else {
      ignoresStray(t, torture);
      if (treatment === "relay") relays(t, torture);
      else ABSORBED[name]!(t, torture);
    }
  });
}
