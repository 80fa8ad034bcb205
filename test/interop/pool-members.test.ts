import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import t, { type Test } from "tap";
import { loadConfig } from "../../src/config/load.ts";
import { startGateway } from "../../src/daemon.ts";
import { createLog } from "../../src/observe/log.ts";
import { Folder } from "../support/certificates.ts";
import { Dnsmasq } from "../support/dnsmasq.ts";
import { tableText } from "../support/gateway.ts";
import { Message, sip } from "../support/sip-text.ts";
import { udpEnvironment } from "../support/udp-form.ts";
import { listening } from "../transport/wire.ts";

const MEMBER = fileURLToPath(new URL("./pool-member.js", import.meta.url));
const NAMES = ["pc01.contoso.com", "pc02.contoso.com", "pc03.contoso.com"];
const CALLS_PER_SECOND = 200;
/** How many calls a server has to answer before it is killed. */
const CALLS_EACH = 150;

interface Member {
  readonly name: string;
  readonly process: ChildProcess;
  readonly target: string;
  /** When it was killed, by `performance.now()`. */
  killedAt: number | undefined;
}

async function startMember(t: Test, transport: string, name: string): Promise<Member> {
  const process = fork(MEMBER, [transport, name]);
  t.teardown(() => process.kill("SIGKILL"));
  const [port] = await once(process, "message");
  return { name, process, target: `${transport}:127.0.0.1:${port}`, killedAt: undefined };
}

/** Where the gateway finds the members: in its configuration, or by NAPTR, SRV and addresses in a DNS server. */
async function resolveSettings(t: Test, members: readonly Member[], byDns: boolean) {
  if (!byDns) {
    const all = members.map(({ target }) => target);
    return { hosts: { "pcpool.contoso.com": all, ...Object.fromEntries(members.map((m) => [m.name, [m.target]])) } };
  }
  const server = await Dnsmasq.start([
    "local=/contoso.com/",
    "local-ttl=30",
    "naptr-record=pcpool.contoso.com,10,10,s,SIP+D2T,,_sip._tcp.pcpool.contoso.com",
    "naptr-record=pcpool.contoso.com,20,10,s,SIP+D2U,,_sip._udp.pcpool.contoso.com",
    ...members.flatMap(({ name, target }, index) => [
      `host-record=${name},127.0.0.1`,
      `srv-host=_sip._tcp.pcpool.contoso.com,${name},${target.split(":").at(-1)},${index},10`,
      // What is found for the Contact of a member.
      `srv-host=_sip._tcp.${name},${name},${target.split(":").at(-1)},0,10`,
    ]),
  ]);
  t.teardown(() => server.close());
  return { servers: [`127.0.0.1:${server.port}`] };
}

/** A pool of three processes, a gateway in front of it, and a front end that makes calls through it. */
async function stage(t: Test, transport: "udp" | "tcp", timers: Record<string, number>, byDns: boolean) {
  const members = await Promise.all(NAMES.map((name) => startMember(t, transport, name)));
  const folder = await Folder.make(t);
  const row = { sipAddress: "sip:ocschat@contoso.com", poolFqdn: "pcpool.contoso.com" };
  await folder.put("endpoints.json", tableText([row]));
  const file = join(folder.path, "waypost.yaml");
  const config = {
    listen: ["udp", "tcp"].map((name) => ({ transport: name, host: "127.0.0.1", port: 0 })),
    resolve: await resolveSettings(t, members, byDns),
    timers,
  };
  await writeFile(file, JSON.stringify(config));
  const gateway = await startGateway(loadConfig({ file, env: udpEnvironment, cwd: folder.path }), createLog("silent"));
  t.teardown(() => gateway.stop());
  const { port } = gateway.listeners.find((listener) => listener.transport === "tcp")!;
  return { members, frontEnd: await FrontEnd.to(t, port) };
}

/** Makes calls over one connection. */
class FrontEnd {
  readonly #send: (text: string) => void;
  readonly #waiting = new Map<string, (response: Message) => void>();
  readonly #answered = new Map<string, number>();

  private constructor(send: (text: string) => void) {
    this.#send = send;
  }

  static async to(t: Test, port: number): Promise<FrontEnd> {
    const { transports, handler } = await listening(t, [{ transport: "tcp" }]);
    const target = { transport: "tcp", address: "127.0.0.1", port, host: "127.0.0.1" } as const;
    const flow = transports.connect(target, transports.listeners[0]!);
    const frontEnd = new FrontEnd((text) => transports.send(flow, Buffer.from(text)));
    handler.onMessage = (bytes) => {
      const response = new Message(bytes);
      if (response.status < 200) return;
      const key = `${response.one("Call-ID")} ${response.one("CSeq")}`;
      frontEnd.#waiting.get(key)?.(response);
      frontEnd.#waiting.delete(key);
    };
    return frontEnd;
  }

  /** How many INVITEs this server has answered. */
  answeredBy(name: string): number {
    return this.#answered.get(name) ?? 0;
  }

  /** One call from INVITE to BYE. @returns the answers to both, and when they came */
  async call(id: string) {
    const startedAt = performance.now();
    const accepted = await this.#ask("INVITE", "sip:ocschat@contoso.com", id, 1, "");
    const answeredAt = performance.now();
    if (accepted.status !== 200) return { accepted, ended: undefined, startedAt, answeredAt };
    this.#answered.set(accepted.toTag!, this.answeredBy(accepted.toTag!) + 1);
    const routes = accepted.list("Record-Route").reverse();
    const headers = routes.map((route) => `Route: ${route}\r\n`).join("");
    const remote = accepted.one("Contact").slice(1, -1);
    this.#send(request("ACK", remote, id, 1, headers, `;tag=${accepted.toTag}`));
    const ended = await this.#ask("BYE", remote, id, 2, headers, `;tag=${accepted.toTag}`);
    return { accepted, ended, startedAt, answeredAt };
  }

  #ask(method: string, uri: string, id: string, cseq: number, headers: string, toTag = ""): Promise<Message> {
    const answer = new Promise<Message>((resolve) => this.#waiting.set(`${id} ${cseq} ${method}`, resolve));
    this.#send(request(method, uri, id, cseq, headers, toTag));
    return answer;
  }
}

function request(method: string, uri: string, id: string, cseq: number, headers: string, toTag: string): string {
  return sip`
    ${method} ${uri} SIP/2.0
    Via: SIP/2.0/TCP 127.0.0.1:5062;branch=z9hG4bK${id}${cseq}${method}
    Via: SIP/2.0/TLS 192.0.2.7:51234
    Max-Forwards: 69
    From: <sip:alice@contoso.com>;tag=a${id}
    To: <sip:ocschat@contoso.com>${toTag}
    Call-ID: ${id}
    CSeq: ${cseq} ${method}
    Contact: <sip:alice@contoso.com;gruu>
    ${headers}Content-Length: 0`;
}

for (const [transport, timers, byDns] of [
  ["tcp", {}, true],
  // Over UDP only silence tells, and a caller waits as long as it may last; less than by default, to keep the test short.
  ["udp", { firstResponseMs: 1000, inDialogResponseMs: 4000 }, false],
] as const) {
  t.test(
    `servers of a pool over ${transport}${byDns ? ", found by NAPTR and SRV," : ""} die one after the other under ${CALLS_PER_SECOND} calls/s, and every call is answered`,
    async (t) => {
      const { members, frontEnd } = await stage(t, transport, timers, byDns);
      const calls: ReturnType<FrontEnd["call"]>[] = [];
      const startedAt = performance.now();
      for (const member of members) {
        // Killed in the middle of the stream, with calls under way; the last server stays.
        while (frontEnd.answeredBy(member.name) < CALLS_EACH) {
          const due = startedAt + (calls.length * 1000) / CALLS_PER_SECOND;
          await setTimeout(Math.max(0, due - performance.now()));
          calls.push(frontEnd.call(`${transport}-${byDns}-${calls.length}`));
        }
        if (member === members.at(-1)) break;
        member.process.kill("SIGKILL");
        member.killedAt = performance.now();
      }
      const done = await Promise.all(calls);
      t.same(
        done.filter(({ accepted }) => accepted.status !== 200).map(({ accepted }) => accepted.text),
        [],
        "every INVITE is answered 200",
      );
      const killed = new Set(members.filter(({ killedAt }) => killedAt !== undefined).map(({ name }) => name));
      const odd = done.filter(
        ({ accepted, ended }) => ended?.status !== 200 && !(ended?.status === 481 && killed.has(accepted.toTag!)),
      );
      t.same(
        odd.map(({ ended }) => ended?.text),
        [],
        "every BYE is answered 200, or 481 where its server is dead",
      );
      const waits = done.map(({ startedAt, answeredAt }) => answeredAt - startedAt);
      t.comment(`${done.length} calls; longest wait of a call ${Math.max(...waits).toFixed(0)} ms`);
      const times = done.map(({ answeredAt }) => answeredAt).sort((a, b) => a - b);
      const gaps = times.slice(1).map((time, index) => ({ start: times[index]!, ms: time - times[index]! }));
      for (const { name, killedAt = Number.POSITIVE_INFINITY } of members) {
        const after = gaps.filter(({ start, ms }) => start + ms > killedAt && start < killedAt + 1500);
        if (after.length > 0) {
          const longest = Math.max(...after.map(({ ms }) => ms));
          t.comment(`after the death of ${name} no call was answered for ${longest.toFixed(0)} ms`);
        }
      }
    },
  );
}
