import { readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { Writable } from "node:stream";
import { pino } from "pino";
import t, { type Test } from "tap";
import { runProgram } from "../../src/cli/program.ts";
import { type Gateway, startGateway } from "../../src/daemon.ts";
import { openStore } from "../../src/open-store.ts";
import { configOf } from "../engine/config.ts";
import { invite, newCallId } from "../live/requests.ts";
import { SipNode } from "../live/sip-node.ts";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/free-port.ts";
import { tableText } from "../support/gateway.ts";
import type { Message } from "../support/sip-text.ts";
import { ScriptedServer } from "./scripted-server.ts";

interface Place {
  readonly gateway: Gateway;
  readonly config: ReturnType<typeof configOf>;
  readonly log: readonly Readonly<Record<string, unknown>>[];
}

async function running(t: Test, server: ScriptedServer, rows: Parameters<typeof tableText>[0]): Promise<Place> {
  const config = configOf(t, {
    listen: [{ transport: "udp", host: "127.0.0.1", port: server.sipPort }],
    engine: "drachtio",
    drachtio: { servers: [`127.0.0.1:${server.adminPort}`], secret: "cymru" },
    edit: { probePool: false },
  });
  await writeFile(`${dirname(config.file)}/endpoints.json`, tableText(rows));
  const log: Record<string, unknown>[] = [];
  const sink = new Writable({
    write: (chunk, _, done) => {
      log.push(JSON.parse(String(chunk)));
      done();
    },
  });
  const gateway = await startGateway(config, pino({}, sink));
  t.teardown(() => gateway.stop());
  return { gateway, config, log };
}

async function dialled(t: Test, sipPort: number, to: string): Promise<Message> {
  const caller = await SipNode.start(t);
  const link = await caller.to({ transport: "udp", address: "127.0.0.1", port: sipPort });
  const callId = newCallId();
  link.send(invite(link, { to, callId }));
  return caller.answer("1 INVITE", callId);
}

/** A command of `waypost`: its status, and what it says on standard error. */
async function waypost(file: string, words: readonly string[]) {
  let err = "";
  const io = { out: () => {}, err: (text: string) => void (err += text), outIsTerminal: false, errIsTerminal: false };
  const status = await runProgram(["--config", file, ...words], io as never, {});
  return { status, err };
}

t.test("no change of the table is lost while the server is away", async (t) => {
  const port = await freePort();
  const server = await ScriptedServer.start({ port });
  const { config, gateway } = await running(t, server, []);
  t.equal((await dialled(t, server.sipPort, "sip:ocschat@contoso.com")).status, 404);
  await server.stop();
  const store = await openStore(config);
  t.teardown(() => store.close());
  const endpoint = { sipAddress: "sip:ocschat@contoso.com", poolFqdn: "pcpool.contoso.com", mode: "redirect" } as const;
  await store.change([{ kind: "add", endpoint }], { name: "alice", source: "cli" });
  await eventually("the change is in force", () => gateway.table.size === 1 || undefined);
  const again = await ScriptedServer.start({ port });
  t.teardown(() => again.stop());
  await eventually("the server asks again", () => again.serving === 1 || undefined);
  t.equal((await dialled(t, again.sipPort, "sip:ocschat@contoso.com")).status, 302);
});

t.test(
  "a row that the engine cannot serve is refused in an edit, and named and answered where it is stored",
  async (t) => {
    const server = await ScriptedServer.start();
    t.teardown(() => server.stop());
    const stored = { sipAddress: "sip:old@contoso.com", poolFqdn: "pcpool.contoso.com", requestUri: "pool" };
    const { config, log } = await running(t, server, [stored]);
    const named = (address: string) => {
      return eventually(`${address} is named`, () => {
        return log.find(({ endpoint, msg }) => endpoint === address && /cannot be served/.test(`${msg}`));
      });
    };
    t.match(await named("sip:old@contoso.com"), {
      engine: "drachtio",
      reason: /requestUri is pool, and drachtio-server leaves the Request-URI of calls for contoso\.com as it is/,
      remedy: /docs\/engines\.md/,
    });
    const answer = await dialled(t, server.sipPort, "sip:old@contoso.com");
    t.equal(answer.status, 480);
    t.match(answer.one("Warning"), /engine drachtio cannot serve sip:old@contoso\.com/);

    const add = ["endpoint", "add", "new@contoso.com", "pcpool.contoso.com"];
    const refused = await waypost(config.file, [...add, "--request-uri", "pool"]);
    t.equal(refused.status, 1);
    t.match(refused.err, /endpoint sip:new@contoso\.com cannot be served here: its requestUri is pool/i);
    t.equal((await waypost(config.file, add)).status, 0);
    const checked = await waypost(config.file, ["check"]);
    t.equal(checked.status, 0, "one such row does not keep a gateway from starting");
    t.match(checked.err, /warning: endpoint sip:old@contoso\.com cannot be served: its requestUri is pool/);

    const status = await waypost(config.file, ["status"]);
    t.match(status.err, /warning: endpoint sip:old@contoso\.com cannot be served by engine drachtio: its requestUri/);
    const drain = await waypost(config.file, ["pools", "drain", "192.0.2.10"]);
    t.equal(drain.status, 1);
    t.match(drain.err, /192\.0\.2\.10 cannot be drained here: drachtio-server chooses/);

    const file = `${dirname(config.file)}/endpoints.json`;
    const text = await readFile(file, "utf8");
    await writeFile(file, text.replace('"sip:old@contoso.com"', '"sip:elder@contoso.com"'));
    await named("sip:elder@contoso.com");
  },
);
