import { createSocket } from "node:dgram";
import { once } from "node:events";
import { pino } from "pino";
import t from "tap";
import { EmbeddedEngine } from "../../src/engine/embedded.ts";
import { freePort } from "../support/free-port.ts";
import { configOf } from "./config.ts";

t.test("a start that fails after the listeners were bound leaves none of them bound", async (t) => {
  const port = await freePort();
  const listen = ["udp", "tcp"].map((transport) => ({ transport, host: "127.0.0.1", port }));
  const config = configOf(t, { listen });
  const setup = { log: pino({ level: "silent" }), decide: () => ({ kind: "proxy", nextHops: [] }) as const };
  const servers = [{ host: "no address", port: 53 }];
  const broken = { ...config, resolve: { ...config.resolve, servers } };
  await t.rejects(EmbeddedEngine.start({ ...setup, config: broken }), { code: "CONFIG_INVALID" });
  const socket = createSocket("udp4").bind(port, "127.0.0.1");
  await once(socket, "listening");
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  const engine = await EmbeddedEngine.start({ ...setup, config });
  t.equal(engine.listeners.length, 2);
  await engine.close();
});
