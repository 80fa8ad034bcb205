import { createSocket } from "node:dgram";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pino } from "pino";
import t from "tap";
import { loadConfig } from "../../src/config/load.ts";
import { EmbeddedEngine } from "../../src/engine/embedded.ts";
import { eventually } from "../support/eventually.ts";
import { udpEnvironment } from "../support/udp-form.ts";

t.test("the pools' addresses are probed with OPTIONS, and each tells how it is", async (t) => {
  const pool = createSocket("udp4");
  pool.bind(0, "127.0.0.1");
  await once(pool, "listening");
  t.teardown(() => pool.close());
  pool.on("message", (bytes, { port, address }) => {
    const head = bytes.toString("latin1");
    const kept = head.match(/^(Via|From|To|Call-ID|CSeq):.*\r\n/gm)!.join("");
    pool.send(`SIP/2.0 200 OK\r\n${kept}Content-Length: 0\r\n\r\n`, port, address);
  });
  const folder = t.testdir({});
  const file = join(folder, "waypost.yaml");
  const listen = [{ transport: "udp", host: "127.0.0.1", port: 0 }];
  const hosts = { "pcpool.contoso.com": [`udp:127.0.0.1:${pool.address().port}`] };
  writeFileSync(file, JSON.stringify({ listen, resolve: { hosts }, probe: { intervalSeconds: 1 } }));
  const engine = await EmbeddedEngine.start({
    config: loadConfig({ file, env: udpEnvironment, cwd: folder }),
    log: pino({ level: "silent" }),
    decide: () => ({ kind: "reject", status: 404, reason: "Not Found", explanation: "" }),
  });
  t.teardown(() => engine.close());
  engine.watchPools(["sip:pcpool.contoso.com"]);
  const [first] = (await once(pool, "message")) as [Buffer];
  t.match(first.toString("latin1"), /^OPTIONS sip:pcpool\.contoso\.com:\d+;transport=udp SIP\/2\.0\r\n/);
  t.match(first.toString("latin1"), /\r\nMax-Forwards: 0\r\n/);
  const answered = await eventually("the pool has answered", () =>
    engine.describePools().find(({ sentence }) => /: up, answered/.test(sentence)),
  );
  t.match(answered, { observed: "up", sentence: /^pcpool\.contoso\.com 127\.0\.0\.1:\d+ udp: up, answered/ });
});
