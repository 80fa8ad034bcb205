import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import t from "tap";
import { openLink } from "../../src/endpoints/redis/link.ts";
import { eventually } from "../support/eventually.ts";
import { accessTo } from "./access.ts";
import { RedisServer } from "./redis-server.ts";

const server = await RedisServer.start(t);

/** A Sentinel that names the server, but only when the test lets it, and announces what the test wants. */
const heard: { subscribed?: Socket; holds: boolean; held: (() => void)[] } = { holds: false, held: [] };
const sentinel = createServer((socket) => {
  socket.setEncoding("latin1");
  socket.on("error", () => undefined);
  socket.on("data", (text: string) => {
    for (const command of text.split(/^\*\d+\r\n/m).slice(1)) {
      const words = command.split("\r\n").filter((_, index) => index % 2 === 1);
      if (words[0]?.toLowerCase() === "subscribe") {
        heard.subscribed = socket;
        socket.write(`*3\r\n${bulk("subscribe")}${bulk("+switch-master")}:1\r\n`);
      } else if (words[1]?.toLowerCase() === "get-master-addr-by-name") {
        const answer = () => socket.write(`*2\r\n${bulk("127.0.0.1")}${bulk(String(server.port))}`);
        if (heard.holds) heard.held.push(answer);
        else answer();
      } else socket.write(words[1]?.toLowerCase() === "sentinels" ? "*0\r\n" : "+OK\r\n");
    }
  });
}).listen(0, "127.0.0.1");
await once(sentinel, "listening");
t.teardown(() => sentinel.close());

function bulk(text: string): string {
  return `$${text.length}\r\n${text}\r\n`;
}

t.test(
  "a failover that is announced while a connection is being made does not end the connection for good",
  async (t) => {
    const { port } = sentinel.address() as { port: number };
    const node = { host: "127.0.0.1", port };
    const link = openLink(
      accessTo(server, { server: { kind: "sentinel", name: "chat", nodes: [node], db: 0 } }),
      2000,
      () => undefined,
    );
    t.teardown(() => link.disconnect());
    const ready = () => link.status === "ready" || undefined;
    await eventually("the connection", ready);
    await eventually("its subscription at the Sentinel", () => heard.subscribed);
    heard.holds = true;
    await server.client(t).call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    await eventually("its question for the new primary", () => heard.held.length > 0 || undefined);
    heard.subscribed!.write(`*3\r\n${bulk("message")}${bulk("+switch-master")}${bulk("chat")}`);
    await new Promise(setImmediate);
    heard.holds = false;
    for (const answer of heard.held) answer();
    await eventually("the connection anew", ready);
  },
);
