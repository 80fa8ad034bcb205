import t, { type Test } from "tap";
import { Ladder } from "../../src/demo/ladder.ts";
import { LegacyClient, type LegacyClientOptions } from "../../src/demo/legacy-client.ts";
import { LOBBY } from "../../src/demo/sample-pool.ts";
import type { Step } from "../../src/demo/steps.ts";
import {
  RawSipListener,
  type RawSipPeer,
  rawValues,
  sipAnswer,
  sipMessage,
  startLine,
} from "../support/raw-sip-peer.ts";

const GRUU = "sip:alice@contoso.com;opaque=user:epid:b514060a2da2;gruu";
const ROUTE = "<sip:fe01.contoso.com:5160;transport=tcp;opaque=state:T:F;lr>";
const GATEWAY_ROUTE = "<sip:gw.contoso.com:5060;transport=tcp;lr>";
const CONTACT = "Contact: <sip:pcpool.contoso.com:5090;transport=tcp>";
const ACCEPTED = [`Record-Route: ${GATEWAY_ROUTE}`, `Record-Route: ${ROUTE}`, CONTACT];

interface Scene {
  readonly peer: RawSipPeer;
  readonly invite: string;
  readonly steps: Promise<Step[]>;
  readonly ladder: Ladder;
}

/** A client that has signed in at a front end which the test plays by hand, and has dialled. */
async function dialled(t: Test, options: Partial<LegacyClientOptions> = {}): Promise<Scene> {
  const listener = await RawSipListener.start();
  t.teardown(() => listener.close());
  const ladder = new Ladder();
  const client = new LegacyClient({ frontEnd: listener.address, room: LOBBY.uri, recorder: ladder, ...options });
  const steps = client.run();
  const peer = await listener.next();
  const register = await peer.next();
  peer.send(sipAnswer(register, "200 OK", [`${contactOf(register)};expires=7200;gruu="${GRUU}"`]));
  return { peer, invite: await peer.next(), steps, ladder };
}

/** The same, with the INVITE answered and the client's ACK and INFO in hand. */
async function lookingUp(t: Test): Promise<Scene & { ack: string; info: string }> {
  const scene = await dialled(t);
  scene.peer.send(sipAnswer(scene.invite, "200 OK", ACCEPTED));
  return { ...scene, ack: await scene.peer.next(), info: await scene.peer.next() };
}

/** A request of the pool in the dialog of the INVITE, as it reaches the client. */
function fromPool(invite: string, method: string, body = "", changes: Record<string, string> = {}): string {
  const lines: Record<string, string> = {
    Via: "SIP/2.0/TCP fe01.contoso.com:5160;branch=z9hG4bKpool1",
    "Max-Forwards": "68",
    From: `${rawValues(invite, "To")[0]};tag=raw1`,
    To: rawValues(invite, "From")[0]!,
    "Call-ID": rawValues(invite, "Call-ID")[0]!,
    CSeq: `1 ${method}`,
    ...changes,
  };
  return sipMessage(
    [`${method} ${GRUU} SIP/2.0`, ...Object.entries(lines).map(([name, value]) => `${name}: ${value}`)],
    body,
  );
}

function contactOf(register: string): string {
  return `Contact: ${rawValues(register, "Contact")[0]}`;
}

const REPLY =
  '<xccos ver="1" envid="7" xmlns="urn:parlano:xml:ns:xccos"><rpl id="rpl:requri" seqid="1">' +
  '<commandid seqid="1" envid="1"/><resp code="200">SUCCESS_OK</resp><data><uib uri="sip:GC-1@contoso.com"/></data></rpl></xccos>';

t.test("what the client sends", async (t) => {
  t.test(
    "the INVITE has a Via without branch, in lower case, an epid after the tag and a GRUU as Contact",
    async (t) => {
      const { invite, peer } = await dialled(t, { legacyAddress: "sip:OCSChat@contoso.com" });
      t.equal(startLine(invite), "INVITE sip:OCSChat@contoso.com SIP/2.0");
      t.strictSame(rawValues(invite, "Via"), [`SIP/2.0/tcp 127.0.0.1:${peer.socket.remotePort}`]);
      t.match(rawValues(invite, "From")[0], /^<sip:alice@contoso\.com>;tag=\d+;epid=[0-9a-f]{12}$/);
      t.strictSame(rawValues(invite, "To"), ["<sip:OCSChat@contoso.com>"]);
      t.strictSame(rawValues(invite, "Contact"), [`<${GRUU}>`]);
      t.strictSame(rawValues(invite, "CSeq"), ["1 INVITE"]);
      t.match(rawValues(invite, "Authorization")[0], /^NTLM qop="auth"/);
      t.match(invite, /\r\n\r\nv=0\r\n.*m=message 5061 sip null\r\na=accept-types:text\/plain /s);
      peer.close();
    },
  );

  t.test("ACK with CSeq 1 and INFO with CSeq 2 leave in one segment, down the reversed Record-Route", async (t) => {
    const { ack, info, peer } = await lookingUp(t);
    t.ok(
      peer.chunks.some((chunk) => chunk.includes("ACK sip:") && chunk.includes("INFO sip:")),
      "one segment",
    );
    t.equal(startLine(ack), "ACK sip:pcpool.contoso.com:5090;transport=tcp SIP/2.0");
    t.strictSame(rawValues(ack, "CSeq"), ["1 ACK"]);
    t.strictSame(rawValues(info, "CSeq"), ["2 INFO"]);
    for (const request of [ack, info]) {
      t.strictSame(rawValues(request, "Route"), [ROUTE, GATEWAY_ROUTE]);
      t.notMatch(rawValues(request, "Via")[0], /branch/);
    }
    peer.close();
  });

  t.test(
    "after the reply it sends BYE with CSeq 3 and, without waiting, an INVITE to the channel address",
    async (t) => {
      const { invite, info, peer } = await lookingUp(t);
      peer.send(sipAnswer(info, "200 OK"));
      peer.send(fromPool(invite, "INFO", REPLY));
      t.match(startLine(await peer.next()), "SIP/2.0 200 OK");
      const bye = await peer.next();
      t.match(startLine(bye), /^BYE /);
      t.strictSame(rawValues(bye, "CSeq"), ["3 BYE"]);
      const second = await peer.next();
      t.equal(startLine(second), "INVITE sip:GC-1@contoso.com SIP/2.0");
      t.not(rawValues(second, "Call-ID")[0], rawValues(invite, "Call-ID")[0]);
      t.strictSame(rawValues(second, "Route"), []);
      peer.close();
    },
  );

  t.test("a final answer other than 2xx is never acknowledged", async (t) => {
    const { invite, peer, steps } = await dialled(t);
    peer.send(sipAnswer(invite, "404 Not Found"));
    const after = await peer.next();
    t.match(startLine(after), /^REGISTER /);
    t.strictSame(rawValues(after, "Expires"), ["0"]);
    peer.send(sipAnswer(after, "200 OK"));
    t.equal((await steps).at(-1)?.id, "lookUp");
  });

  t.test("a redirect is not followed", async (t) => {
    const { invite, peer, steps } = await dialled(t);
    peer.send(sipAnswer(invite, "302 Moved Temporarily", ["Contact: <sip:ocschat@pcpool.contoso.com>"]));
    const after = await peer.next();
    t.match(startLine(after), /^REGISTER /);
    peer.send(sipAnswer(after, "200 OK"));
    t.match((await steps).at(-1)?.detail, /do not follow a redirect/);
  });

  t.test("an INVITE that nobody answers ends in a BYE without To tag", async (t) => {
    const { invite, peer, steps } = await dialled(t, { stepTimeout: 1500 });
    peer.send(sipAnswer(invite, "100 Trying").replace(";tag=raw1", ""));
    const bye = await peer.next();
    t.equal(startLine(bye), "BYE sip:ocschat@contoso.com SIP/2.0");
    t.strictSame(rawValues(bye, "To"), ["<sip:ocschat@contoso.com>"]);
    peer.close();
    t.equal((await steps).at(-1)?.outcome, "failed");
  });

  t.test("ms-diagnostics of a refusal is part of the reason", async (t) => {
    const { invite, peer, steps } = await dialled(t);
    peer.send(sipAnswer(invite, "404 Not Found", ['ms-diagnostics: 1003;reason="no endpoint"']));
    peer.send(sipAnswer(await peer.next(), "200 OK"));
    t.match((await steps).at(-1)?.detail, /"404 Not Found \(1003;reason="no endpoint"\)"/);
  });
});

t.test("what the client answers to requests in its dialog", async (t) => {
  const answers: ReadonlyArray<[string, string]> = [
    ["OPTIONS", "200 OK"],
    ["NOTIFY", "200 OK"],
    ["UPDATE", "501 Not Implemented"],
    ["PUBLISH", "501 Not Implemented"],
    ["MESSAGE", "415 Unsupported Media Type"],
  ];
  for (const [method, status] of answers) {
    t.test(`${method}: ${status}`, async (t) => {
      const { invite, peer } = await lookingUp(t);
      peer.send(fromPool(invite, method));
      t.equal(startLine(await peer.next()), `SIP/2.0 ${status}`);
      peer.close();
    });
  }

  t.test("re-INVITE: a BYE, then 200", async (t) => {
    const { invite, peer } = await lookingUp(t);
    peer.send(fromPool(invite, "INVITE"));
    t.match(startLine(await peer.next()), /^BYE /);
    t.equal(startLine(await peer.next()), "SIP/2.0 200 OK");
    peer.close();
  });

  t.test("INFO with the Call-ID of an ended dialog: 487", async (t) => {
    const { invite, peer } = await lookingUp(t);
    peer.send(fromPool(invite, "INFO", REPLY, { "Call-ID": "an-old-one" }));
    t.equal(startLine(await peer.next()), "SIP/2.0 487 Request Terminated");
    peer.close();
  });
});

t.test("what the real client would drop in silence is named", async (t) => {
  const wrong: ReadonlyArray<[string, string, (answer: string) => string]> = [
    ["a To URI which is not the one dialled", "to-uri", (text) => text.replace("To: <sip:ocschat@", "To: <sip:pool@")],
    [
      "a To URI in other letters than dialled",
      "to-uri",
      (text) => text.replace("To: <sip:ocschat@", "To: <sip:OCSChat@"),
    ],
    ["a compact Call-ID", "long-names", (text) => text.replace("Call-ID:", "i:")],
    ["an answer without CSeq", "long-names", (text) => text.replace(/CSeq:.*\r\n/, "")],
    ["no Content-Length", "content-length", (text) => text.replace(/Content-Length:.*\r\n/, "")],
    ["a compact Content-Length", "content-length", (text) => text.replace("Content-Length:", "l:")],
    ["a second final answer", "one-answer", (text) => text + text],
    ["a first hop without ;lr", "lr", (text) => text.replace("state:T:F;lr", "state:T:F")],
  ];
  for (const [name, rule, change] of wrong) {
    t.test(`${name}: ${rule}`, async (t) => {
      const { invite, peer, steps, ladder } = await dialled(t, { stepTimeout: 3000 });
      peer.send(change(sipAnswer(invite, "200 OK", ACCEPTED)));
      peer.socket.end();
      t.equal((await steps).at(-1)?.outcome, "failed");
      t.strictSame(
        ladder.brokenRules.map((broken) => [broken.noticedBy, broken.rule]),
        [["client", rule]],
      );
    });
  }

  t.test("a pool request whose From is not the address dialled: from-uri", async (t) => {
    const { invite, peer, ladder, steps } = await lookingUp(t);
    peer.send(fromPool(invite, "INFO", REPLY, { From: "<sip:pcpool@contoso.com>;tag=raw1" }));
    peer.socket.end();
    await steps;
    t.match(ladder.brokenRules, [{ rule: "from-uri" }]);
  });
});

t.test("without a front end the first step fails and says where it was looked for", async (t) => {
  const listener = await RawSipListener.start();
  const { address } = listener;
  await listener.close();
  const steps = await new LegacyClient({ frontEnd: address, room: LOBBY.uri }).run();
  t.match(steps, [
    { id: "connect", outcome: "failed", detail: new RegExp(`no front end at 127.0.0.1:${address.port}`) },
  ]);
});
