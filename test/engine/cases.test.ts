import { pino } from "pino";
import t from "tap";
import { DrachtioEngine } from "../../src/engine/drachtio/drachtio-engine.ts";
import { EmbeddedEngine } from "../../src/engine/embedded.ts";
import { ScriptedServer } from "../drachtio/scripted-server.ts";
import { udpForms } from "../support/udp-form.ts";
import { engineCases } from "./cases.ts";
import { configOf } from "./config.ts";

const log = pino({ level: "silent" });
const secret = process.env["DRACHTIO_SECRET"] ?? "cymru";

for (const udp of udpForms) {
  t.test(`embedded, ${udp}`, (t) =>
    engineCases(t, async (t, pool, decide) => {
      const listen = [{ transport: "udp", host: "127.0.0.1", port: 0 }];
      const config = configOf(t, { listen, udp, resolve: { hosts: { "pcpool.contoso.com": pool } } });
      const engine = await EmbeddedEngine.start({ config, log, decide });
      t.teardown(() => engine.close());
      return { engine, at: { transport: "udp", address: "127.0.0.1", port: engine.listeners[0]!.port } };
    }),
  );
}

t.test("drachtio, against a scripted server", (t) =>
  engineCases(t, async (t, pool, decide) => {
    const server = await ScriptedServer.start({ secret });
    t.teardown(() => server.stop());
    const config = configOf(t, {
      listen: [{ transport: "udp", host: "127.0.0.1", port: server.sipPort }],
      engine: "drachtio",
      drachtio: { servers: [`127.0.0.1:${server.adminPort}`], secret },
      resolve: { hosts: { "pcpool.contoso.com": pool } },
    });
    const engine = await DrachtioEngine.start({ config, log, decide });
    t.teardown(() => engine.close());
    return { engine, at: { transport: "udp", address: "127.0.0.1", port: server.sipPort } };
  }),
);

// DRACHTIO_HOST=127.0.0.1:9022 DRACHTIO_SIP=127.0.0.1:5080 DRACHTIO_SECRET=… with a server that runs on this machine.
const host = process.env["DRACHTIO_HOST"];
const [sipHost = "127.0.0.1", sipPort = "5060"] = (process.env["DRACHTIO_SIP"] ?? "").split(":");

t.test("drachtio, against a real server", { skip: host === undefined && "DRACHTIO_HOST names none" }, (t) =>
  engineCases(t, async (t, pool, decide) => {
    const config = configOf(t, {
      listen: [{ transport: "udp", host: sipHost, port: Number(sipPort) }],
      engine: "drachtio",
      drachtio: { servers: [host], secret },
      resolve: { hosts: { "pcpool.contoso.com": pool } },
    });
    const engine = await DrachtioEngine.start({ config, log, decide });
    t.teardown(() => engine.close());
    return { engine, at: { transport: "udp", address: sipHost, port: Number(sipPort) } };
  }),
);
