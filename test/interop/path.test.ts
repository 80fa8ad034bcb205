import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import t, { type Test } from "tap";
import { loadConfig } from "../../src/config/load.ts";
import { startGateway } from "../../src/daemon.ts";
import { createLog } from "../../src/observe/log.ts";
import { Folder } from "../support/certificates.ts";
import { tableText } from "../support/gateway.ts";
import { udpEnvironment } from "../support/udp-form.ts";
import { RawPeer } from "./raw-peer.ts";

const CLIENTS = ["tcp", "ws"] as const;

/** A registrar, a gateway that passes everything on to it, and a client that has registered through both. */
async function registered(t: Test, transport: (typeof CLIENTS)[number]) {
  const registrar = await RawPeer.listening(t, "tcp", "127.0.0.1", {});
  const folder = await Folder.make(t);
  await folder.put("endpoints.json", tableText([]));
  const file = join(folder.path, "waypost.yaml");
  const config = {
    listen: CLIENTS.map((name) => ({ transport: name, host: "127.0.0.1", port: 0 })),
    defaultRoute: { proxy: `sip:${registrar.local};transport=tcp` },
  };
  await writeFile(file, JSON.stringify(config));
  const gateway = await startGateway(loadConfig({ file, env: udpEnvironment, cwd: folder.path }), createLog("silent"));
  t.teardown(() => gateway.stop());
  const listener = gateway.listeners.find((candidate) => candidate.transport === transport)!;
  const { peer: client, link } = await RawPeer.connected(t, transport, listener, "");
  const contact = `sip:alice@${link.local};transport=${transport}`;
  link.send(
    message("REGISTER sip:contoso.com", `${transport.toUpperCase()} ${link.local}`, "r", [
      `Contact: <${contact}>`,
      "Supported: path, outbound",
    ]),
  );
  const register = await registrar.request("REGISTER", "r");
  register.link.send(register.message.reply("200 OK"));
  t.equal((await client.answer("1 REGISTER", "r")).status, 200);
  return { registrar, client, link, contact, register };
}

function message(start: string, sentBy: string, callId: string, headers: readonly string[]): string {
  return `${[
    `${start} SIP/2.0`,
    `Via: SIP/2.0/${sentBy};branch=z9hG4bK-${callId}`,
    "Max-Forwards: 70",
    "From: <sip:alice@contoso.com>;tag=f1",
    "To: <sip:alice@contoso.com>",
    `Call-ID: ${callId}`,
    `CSeq: 1 ${start.split(" ")[0]}`,
    ...headers,
    "Content-Length: 0",
  ].join("\r\n")}\r\n\r\n`;
}

for (const transport of CLIENTS) {
  t.test(
    `${transport}: what its registrar sends along the Path reaches a client over the connection it made (RFC 3327 §5.4)`,
    async (t) => {
      const { registrar, client, link, contact, register } = await registered(t, transport);
      const path = register.message.list("Path");
      for (const value of path) t.match(value, /^<sip:[^@]+@127\.0\.0\.1:\d+;transport=(tcp|ws);lr>$/);
      const routes = path.map((value) => `Route: ${value}`);
      register.link.send(message(`MESSAGE ${contact}`, `TCP ${registrar.local}`, "m", routes));
      const heard = await client.request("MESSAGE", "m");
      t.equal(heard.link, link);
      t.equal(heard.message.requestUri, contact);
      t.same(heard.message.list("Route"), []);
      link.send(heard.message.reply("200 OK"));
      t.equal((await registrar.answer("1 MESSAGE", "m")).status, 200);
    },
  );
}

t.test("a Path that somebody made up does not lead to the client: the default route decides", async (t) => {
  const { registrar, client, contact, register } = await registered(t, "tcp");
  const forged = register.message.list("Path").map((value) => `Route: ${value.replace(/sip:[^@]+@/, "sip:guessed@")}`);
  register.link.send(message(`MESSAGE ${contact}`, `TCP ${registrar.local}`, "m", forged));
  const back = await registrar.request("MESSAGE", "m");
  back.link.send(back.message.reply("404 Not Found"));
  t.equal((await registrar.answer("1 MESSAGE", "m")).status, 404);
  t.same(client.left, []);
});
