import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { runProgram } from "../../src/cli/program.ts";
import { loadConfig } from "../../src/config/load.ts";
import { type Gateway, startGateway } from "../../src/daemon.ts";
import { createLog } from "../../src/observe/log.ts";
import { Folder } from "../support/certificates.ts";
import { type Bound, tableText } from "../support/gateway.ts";
import { udpEnvironment } from "../support/udp-form.ts";
import { CallStream } from "./call-stream.ts";
import { willingPool } from "./pool.ts";

const ADDRESS = "sip:ocschat@contoso.com";

t.test("an address that an operator drains gets no calls until it is resumed, whatever else happens", async (t) => {
  const [a, b] = [await willingPool(t, "a"), await willingPool(t, "b")];
  const hosts = { "pcpool.contoso.com": [a.target("udp"), b.target("udp")] };
  const folder = await Folder.make(t);
  await folder.put("endpoints.json", tableText([{ sipAddress: ADDRESS, poolFqdn: "pcpool.contoso.com" }]));
  const file = join(folder.path, "waypost.yaml");
  const listen = [{ transport: "udp", host: "127.0.0.1", port: 0 }];
  const settings = { listen, resolve: { hosts }, edit: { probePool: false } };
  await writeFile(file, JSON.stringify(settings));
  const config = () => loadConfig({ file, env: udpEnvironment, cwd: folder.path });

  let gateway: Gateway = await startGateway(config(), createLog("silent"));
  let stream = await CallStream.start(t, gateway.listeners as readonly Bound[], ADDRESS, 50);
  t.teardown(() => gateway.stop());
  const answer = async (): Promise<string | undefined> => (await stream.answeredAfter(performance.now())).answer;
  const waypost = async (...words: string[]) => {
    let [out, err] = ["", ""];
    const io = {
      out: (text: string) => void (out += text),
      err: (text: string) => void (err += text),
      outIsTerminal: false,
      piped: () => undefined,
      ask: async () => undefined,
    };
    const status = await runProgram(words, io, { USER: "alice", WAYPOST_CONFIG: file });
    return { out, err, status };
  };
  const port = a.target("udp").split(":").at(-1);

  t.equal(await answer(), "200 from a");
  const drained = await waypost("pools", "drain", `127.0.0.1:${port}`, "--reason", "patch day", "--wait");
  t.match(drained, { status: 0, out: `127.0.0.1:${port} is drained`, err: "every live gateway knows it" });
  t.equal(await answer(), "200 from b");

  await t.test("`waypost pools` tells it apart from what was observed", async (t) => {
    const lines = new RegExp(
      `^[^ ]+, as of \\d+ s ago\\n.*` +
        `  pcpool\\.contoso\\.com 127\\.0\\.0\\.1:${port} udp: ` +
        "drained by alice for \\d+ s \\(patch day\\); else up, answered \\d+ s ago\\n",
      "s",
    );
    t.match(await waypost("pools"), { status: 0, out: lines, err: "" });
    const told = JSON.parse((await waypost("pools", "--json")).out);
    t.match(told, {
      ok: true,
      drains: [{ place: `127.0.0.1:${port}`, by: "alice", reason: "patch day" }],
      gateways: [{ live: true }],
    });
    // They stand in the order of their ports, which the system chooses.
    const pools: readonly { address: string }[] = told.gateways[0].pools;
    t.match(
      pools.find(({ address }) => address === `127.0.0.1:${port}`),
      { admin: "drained", observed: "up" },
    );
  });

  await t.test("a reload and a changed table leave it drained", async (t) => {
    await gateway.reload(config());
    const row = { sipAddress: "sip:other@contoso.com", poolFqdn: "pcpool.contoso.com" };
    await gateway.store.change([{ kind: "add", endpoint: row }], { name: "bob", source: "cli" });
    t.equal(await answer(), "200 from b");
  });

  await t.test("it outlives a restart: not even the first call goes there", async (t) => {
    await gateway.stop();
    gateway = await startGateway(config(), createLog("silent"));
    stream = await CallStream.start(t, gateway.listeners as readonly Bound[], ADDRESS, 50);
    t.equal(await answer(), "200 from b");
    t.equal(stream.calls[0]!.answer, "200 from b");
  });

  await t.test("what is drained is named when something else is to be resumed", async (t) => {
    t.match(await waypost("pools", "resume", "127.0.0.1"), {
      status: 1,
      err: `127.0.0.1 is not drained; drained are 127.0.0.1:${port}`,
    });
    t.match(await waypost("pools", "drain", "pc01.contoso.com"), {
      status: 1,
      err: /"pc01.contoso.com" is no IP address/,
    });
  });

  t.match(await waypost("pools", "resume", `127.0.0.1:${port}`, "--wait"), { status: 0, out: /is in service again/ });
  stream = await CallStream.start(t, gateway.listeners as readonly Bound[], ADDRESS, 50);
  t.equal(await answer(), "200 from a");
});
