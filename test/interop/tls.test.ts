import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { connect } from "node:tls";
import t, { type Test } from "tap";
import { loadConfig } from "../../src/config/load.ts";
import { startGateway } from "../../src/daemon.ts";
import { createLog } from "../../src/observe/log.ts";
import type { Flow } from "../../src/sip/flow.ts";
import { Authority, Folder } from "../support/certificates.ts";
import { tableText } from "../support/gateway.ts";
import { Message, sip } from "../support/sip-text.ts";
import { udpEnvironment } from "../support/udp-form.ts";
import { Client, listening, type Recorder } from "../transport/wire.ts";

const ca = await Authority.make();
const CONTACT = "Contact: <sip:alice@contoso.com;gruu>\r\n";

/** A front end, a gateway and a pool, with mutual TLS between them. */
async function stage(t: Test) {
  const folder = await Folder.make(t);
  await folder.put("ca.pem", ca.pem);
  const peer = async (name: string, ...dns: string[]) => {
    const files = { ...(await folder.putPair(name, await ca.issue({ dns }))), ca: join(folder.path, "ca.pem") };
    return listening(t, [{ transport: "tls", tls: { ...files, clientCert: "require" } }]);
  };
  const pool = await peer("pool", "pcpool.contoso.com", "pc01.contoso.com");
  const frontEnd = await peer("fe", "fe01.contoso.com");
  await folder.putPair("gw", await ca.issue({ dns: ["gw.contoso.com"] }));
  await folder.put(
    "endpoints.json",
    tableText([{ sipAddress: "sip:ocschat@contoso.com", poolFqdn: "pcpool.contoso.com" }]),
  );
  const file = join(folder.path, "waypost.yaml");
  const listen = { transport: "tls", host: "127.0.0.1", port: 0, advertise: "gw.contoso.com" };
  const poolAt = `tls:127.0.0.1:${pool.transports.listeners[0]!.port}`;
  const config = {
    listen: [{ ...listen, cert: "gw.pem", key: "gw.key", ca: "ca.pem", clientCert: "require" }],
    resolve: { hosts: { "pcpool.contoso.com": [poolAt], "pc01.contoso.com": [poolAt] } },
  };
  await writeFile(file, JSON.stringify(config));
  const log: string[] = [];
  const gateway = await startGateway(
    loadConfig({ file, env: udpEnvironment, cwd: folder.path }),
    createLog("info", { write: (line) => void log.push(line) }),
  );
  t.teardown(() => gateway.stop());
  pool.handler.onMessage = (bytes, flow) => {
    const request = new Message(bytes);
    const contact = "Contact: <sip:pc01.contoso.com:5061;transport=tls>\r\n";
    if (request.method !== "ACK")
      pool.transports.send(flow, Buffer.from(request.reply("200 OK", { headers: contact })));
  };
  const { port } = gateway.listeners[0]!;
  return { folder, gateway, pool, frontEnd, port, log };
}

/** The final answers that a front end hears, by Call-ID and method. */
class Answers {
  readonly #waiting = new Map<string, (response: Message) => void>();

  constructor(handler: Recorder) {
    handler.onMessage = (bytes) => {
      const response = new Message(bytes);
      if (response.status < 200) return;
      this.#waiting.get(`${response.one("Call-ID")} ${response.one("CSeq")}`)?.(response);
    };
  }

  to(callId: string, cseq: string): Promise<Message> {
    return new Promise((resolve) => this.#waiting.set(`${callId} ${cseq}`, resolve));
  }
}

function request(method: string, uri: string, callId: string, cseq: number, more: string, toTag = ""): Buffer {
  const text = sip`
    ${method} ${uri} SIP/2.0
    Via: SIP/2.0/TLS fe01.contoso.com:5061;branch=z9hG4bK${callId}${cseq}${method}
    Max-Forwards: 69
    From: <sip:alice@contoso.com>;tag=a${callId}
    To: <sip:ocschat@contoso.com>${toTag}
    Call-ID: ${callId}
    CSeq: ${cseq} ${method}
    ${more}Content-Length: 0`;
  return Buffer.from(text);
}

t.test("calls go through mutual TLS on both sides while every certificate is replaced, and none fails", async (t) => {
  const { folder, pool, frontEnd, port, log } = await stage(t);
  const answers = new Answers(frontEnd.handler);
  const target = { transport: "tls", address: "127.0.0.1", port, host: "gw.contoso.com" } as const;
  const flow = frontEnd.transports.connect(target, frontEnd.transports.listeners[0]!);
  const send = (bytes: Buffer, to: Flow = flow) => frontEnd.transports.send(to, bytes);
  let calling = true;
  let calls = 0;
  let knocks = 0;
  const failures: string[] = [];

  const call = async (worker: number): Promise<void> => {
    for (let number = 0; calling; number++) {
      const id = `${worker}-${number}`;
      const ok = answers.to(id, "1 INVITE");
      send(request("INVITE", "sip:ocschat@contoso.com", id, 1, CONTACT));
      const accepted = await ok;
      const route = accepted.list("Record-Route").reverse();
      const more = route.map((hop) => `Route: ${hop}\r\n`).join("");
      const [remote, toTag] = ["sip:pc01.contoso.com:5061;transport=tls", `;tag=${accepted.toTag}`];
      send(request("ACK", remote, id, 1, more, toTag));
      const bye = answers.to(id, "2 BYE");
      send(request("BYE", remote, id, 2, more, toTag));
      for (const answer of [accepted, await bye]) if (answer.status !== 200) failures.push(answer.text);
      calls++;
    }
  };
  /** New connections all the while, each with a request that the gateway itself answers. */
  const knock = async (): Promise<void> => {
    const certificate = await ca.issue({ dns: ["fe02.contoso.com"] });
    for (; calling; knocks++) {
      const socket = connect({ port, host: "127.0.0.1", ca: ca.pem, servername: "gw.contoso.com", ...certificate });
      const client = new Client(socket);
      await once(socket, "secureConnect");
      socket.write(request("OPTIONS", "sip:gw.contoso.com", `k${knocks}`, 1, ""));
      const text = await client.until((heard) => heard.includes("\r\n\r\n"));
      if (!text.startsWith("SIP/2.0 200")) failures.push(text);
      socket.end();
      await client.closed();
    }
  };
  const workers = [call(1), call(2), call(3), knock()];
  const inForce = () => log.filter((line) => line.includes("gw.pem is in force")).length;
  for (let turn = 0; turn < 3; turn++) {
    await folder.putPair("gw", await ca.issue({ dns: ["gw.contoso.com"] }));
    await folder.putPair("pool", await ca.issue({ dns: ["pcpool.contoso.com", "pc01.contoso.com"] }));
    await folder.putPair("fe", await ca.issue({ dns: ["fe01.contoso.com"] }));
    const [callsBefore, knocksBefore] = [calls, knocks];
    await pool.handler.until(() => inForce() > turn && calls > callsBefore + 5 && knocks > knocksBefore + 5);
  }
  calling = false;
  await Promise.all(workers);
  t.same(failures, []);
  t.ok(flow.open, "the front end's connection was never dropped");
  t.same([...frontEnd.handler.ends, ...pool.handler.ends], []);
  t.notMatch(log.join(""), /handshake|refused/);
});

t.test("who has no certificate of the trusted CA does not get in, and the log says who and why", async (t) => {
  const { port, log } = await stage(t);
  const stranger = await Authority.make("Some Other CA");
  const socket = connect({
    port,
    host: "127.0.0.1",
    rejectUnauthorized: false,
    ...(await stranger.issue({ dns: ["fe01.contoso.com"] })),
  });
  const client = new Client(socket);
  await client.closed();
  const line = log.find((text) => text.includes("handshake"));
  t.match(
    line,
    /tls 127\.0\.0\.1:\d+: 127\.0\.0\.1:\d+ showed a certificate for fe01\.contoso\.com of an unknown CA \(issued by Some Other CA\)/,
  );
});

t.test("a pool that shows another name gets no call, and the caller hears why", async (t) => {
  const { folder, pool, frontEnd, port } = await stage(t);
  const answers = new Answers(frontEnd.handler);
  await folder.putPair("pool", await ca.issue({ dns: ["www.contoso.com"] }));
  await pool.transports.reloadCertificates();
  const target = { transport: "tls", address: "127.0.0.1", port, host: "gw.contoso.com" } as const;
  const flow = frontEnd.transports.connect(target, frontEnd.transports.listeners[0]!);
  const answer = answers.to("x", "1 INVITE");
  frontEnd.transports.send(flow, request("INVITE", "sip:ocschat@contoso.com", "x", 1, CONTACT));
  const final = await answer;
  t.equal(final.status, 500);
  t.match(final.text, /showed a certificate for www\.contoso\.com, not for pcpool\.contoso\.com/);
  t.equal(pool.handler.messages.length, 0);
});
