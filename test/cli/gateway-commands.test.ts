import { createSocket } from "node:dgram";
import { once } from "node:events";
import t from "tap";
import { loadConfig } from "../../src/config/load.ts";
import { startGateway } from "../../src/daemon.ts";
import { createLog } from "../../src/observe/log.ts";
import { closedPort } from "../doctor/examined.ts";
import { RawPeer } from "../interop/raw-peer.ts";
import { eventually } from "../support/eventually.ts";
import { tableText } from "../support/gateway.ts";
import { udpEnvironment } from "../support/udp-form.ts";
import { type Outcome, Place } from "./place.ts";

/** A registrar over UDP that takes everybody, but refuses whose address has `refused` in it; `heard` has each To. */
async function registrar(t: { teardown(undo: () => unknown): void }) {
  const socket = createSocket("udp4");
  const heard: string[] = [];
  socket.on("message", (bytes, from) => {
    const lines = bytes.toString("latin1").split("\r\n");
    const of = (name: string) => lines.filter((line) => line.toLowerCase().startsWith(`${name}:`));
    const refused = of("to")[0]!.includes("refused");
    const unregisters = of("expires").some((line) => /: *0$/.test(line));
    heard.push(of("to")[0]!);
    const contacts = refused || unregisters ? [] : of("contact").map((line) => `${line};expires=600`);
    const to = `${of("to")[0]};tag=r`;
    const head = [refused ? "SIP/2.0 403 Not you" : "SIP/2.0 200 OK", ...of("via"), ...of("from"), to];
    const rest = [...of("call-id"), ...of("cseq"), ...contacts, "Content-Length: 0", "", ""];
    socket.send([...head, ...rest].join("\r\n"), from.port, from.address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  t.teardown(() => socket.close());
  return { port: socket.address().port, heard };
}

const ROWS = [
  { sipAddress: "sip:ocschat@contoso.com", poolFqdn: "pcpool.contoso.com", mode: "redirect", register: true },
  { sipAddress: "sip:refused@contoso.com", poolFqdn: "pcpool.contoso.com", register: true },
  { sipAddress: "sip:quiet@contoso.com", poolFqdn: "pcpool.contoso.com" },
];

const objects = ({ out }: Outcome): Record<string, unknown>[] =>
  out
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line));

t.test("commands that ask the running gateway", async (t) => {
  const upstream = await registrar(t);
  const admin = await closedPort();
  const settings = {
    listen: [{ transport: "udp", host: "127.0.0.1", port: 0 }],
    registrar: { server: `sip:127.0.0.1:${upstream.port}` },
    admin: { host: "0.0.0.0", port: admin.port },
  };
  const place = await Place.make(t, JSON.stringify(settings));
  await place.write("endpoints.json", tableText(ROWS));

  await t.test("with no gateway there, each says where it asked and what to do", async (t) => {
    for (const words of [["registrations"], ["registrations", "refresh"], ["callers"]]) {
      const { status, out, err } = await place.waypost(words);
      t.match({ status, out }, { status: 1, out: "" });
      t.match(err, `no gateway answers at http://127.0.0.1:${admin.port}: the connection is refused`);
      t.match(err, "Run the command on the gateway's machine");
    }
    const { err } = await place.waypost(["callers", "--json"]);
    t.match(JSON.parse(err), { error: { code: "ADMIN_SILENT" } });
  });

  const file = `${place.directory}/waypost.yaml`;
  const gateway = await startGateway(
    loadConfig({ file, env: udpEnvironment, cwd: place.directory }),
    createLog("silent"),
  );
  t.teardown(() => gateway.stop());

  await t.test("registrations tells of each address in a sentence; status 1 when one fails", async (t) => {
    const { out, err, status } = await eventually("both answers of the registrar", async () => {
      const outcome = await place.waypost(["registrations"]);
      return /is registered/.test(outcome.out) && /failed/.test(outcome.out) ? outcome : undefined;
    });
    t.same({ err, status }, { err: "", status: 1 });
    const at = `127\\.0\\.0\\.1 udp:127\\.0\\.0\\.1:${upstream.port}`;
    t.match(
      out,
      new RegExp(`^sip:ocschat@contoso\\.com is registered at ${at} for another \\d+ s, to be refreshed in`),
    );
    t.match(
      out,
      /^sip:refused@contoso\.com is not registered, the last attempt failed \(refused\): .*403.*; next try in/m,
    );
    t.notMatch(out, "quiet");
  });

  await t.test("of one address, in any case, with status 0 when it is well", async (t) => {
    const one = await place.waypost(["registrations", "OCSChat@contoso.com", "--json"]);
    t.equal(one.status, 0);
    t.match(objects(one), [{ endpoint: "sip:ocschat@contoso.com", state: "registered", secondsLeft: Number }]);
    t.equal(objects(one).length, 1);
    const none = await place.waypost(["registrations", "quiet@contoso.com"]);
    t.match(none, { status: 1, out: "", err: /quiet@contoso\.com is no endpoint that this gateway registers/ });
    t.match(none.err, "--register");
  });

  await t.test("refresh sends REGISTER now, for one address or all", async (t) => {
    const before = upstream.heard.length;
    t.match(await place.waypost(["registrations", "refresh", "ocschat@contoso.com"]), {
      status: 0,
      out: /^1 address is registered anew/,
    });
    await eventually("a REGISTER", () => (upstream.heard.length > before ? true : undefined));
    t.match(upstream.heard.slice(before), [/ocschat/]);
    t.same(objects(await place.waypost(["registrations", "refresh", "--json"])), [{ count: 2 }]);
    await eventually("two more", () => (upstream.heard.length > before + 2 ? true : undefined));
    const unknown = await place.waypost(["registrations", "refresh", "quiet@contoso.com"]);
    t.match(unknown, { status: 1, out: "", err: /no endpoint that this gateway registers/ });
  });

  await t.test("status says how the registrations of each gateway stand, and is 1 when one fails", async (t) => {
    const { out, status } = await eventually("a report of the gateway", async () => {
      const outcome = await place.waypost(["status"]);
      return /registrar 1 of 2 .* is not registered/.test(outcome.out) ? outcome : undefined;
    });
    t.match(
      out,
      /^registrar 1 of 2 addresses registered by \S+; sip:refused@contoso\.com is not registered, the last/m,
    );
    t.equal(status, 1);
    const [json] = objects(await place.waypost(["status", "--json"]));
    t.match(json, { ok: false, gateways: [{ registrations: { registered: 1, pending: 0, failed: 1 } }] });
  });

  await t.test("callers tells who used a legacy address, how often and when last", async (t) => {
    t.match(await place.waypost(["callers"]), { status: 0, out: "", err: /^nobody has called a legacy address/ });
    const { peer, link } = await RawPeer.connected(t, "udp", gateway.listeners[0]!, "");
    for (const call of ["one", "two"]) {
      link.send(
        `${[
          "INVITE sip:ocschat@contoso.com SIP/2.0",
          `Via: SIP/2.0/UDP ${link.local};branch=z9hG4bK-${call}`,
          "Max-Forwards: 70",
          'From: "Alice" <sip:alice@contoso.com>;tag=f1',
          "To: <sip:ocschat@contoso.com>",
          `Call-ID: ${call}`,
          "CSeq: 1 INVITE",
          "Content-Length: 0",
        ].join("\r\n")}\r\n\r\n`,
      );
      t.equal((await peer.answer("1 INVITE", call)).status, 302);
    }
    const { out, err, status } = await place.waypost(["callers", "OCSChat@contoso.com"]);
    t.same({ err, status }, { err: "", status: 0 });
    t.match(out, /^ENDPOINT +CALLER +REQUESTS +LAST SEEN +LAST ANSWER\n/);
    t.match(out, /^sip:ocschat@contoso\.com +sip:alice@contoso\.com +2 +\d+ s ago +302 to INVITE$/m);
    t.match(objects(await place.waypost(["callers", "--json"])), [
      { endpoint: "sip:ocschat@contoso.com", caller: "sip:alice@contoso.com", requests: 2, lastAt: /^\d{4}-/ },
    ]);
    t.match(await place.waypost(["callers", "quiet@contoso.com"]), { status: 0, err: /^nobody has called quiet@/ });
  });

  await t.test(
    "a changed registrar is taken over by a reload, and one that is the same is left in peace",
    async (t) => {
      const before = upstream.heard.length;
      const reload = () => gateway.reload(loadConfig({ file, env: udpEnvironment, cwd: place.directory }));
      await reload();
      const next = await registrar(t);
      await place.write(
        "waypost.yaml",
        JSON.stringify({ ...settings, registrar: { server: `sip:127.0.0.1:${next.port}` } }),
      );
      await reload();
      await eventually("a registration at the new registrar", async () => {
        const { out } = await place.waypost(["registrations", "ocschat@contoso.com"]);
        return out.includes(`udp:127.0.0.1:${next.port}`) ? true : undefined;
      });
      t.equal(upstream.heard.length, before, "nothing more goes to the old one");
      await place.write("waypost.yaml", JSON.stringify(settings));
      await reload();
      await eventually("the way back", () => (upstream.heard.length >= before + 2 ? true : undefined));
    },
  );

  await t.test("an address is completed where it may stand in place of a command", async (t) => {
    const complete = async (...words: string[]) =>
      (await place.waypost(["__complete", "--", ...words])).out.split("\n").slice(0, -1);
    t.same(await complete("registrations", "re"), ["refresh", "refused@contoso.com"]);
    t.same(await complete("registrations", "refresh", "q"), ["quiet@contoso.com"]);
    t.same(await complete("callers", "ocs"), ["ocschat@contoso.com"]);
  });
});

t.test("a configuration without the group admin, or with any free port, is told so", async (t) => {
  const place = await Place.make(t);
  t.match(await place.waypost(["callers"]), { status: 1, out: "", err: /waypost\.yaml has no group admin/ });
  t.match((await place.waypost(["registrations"])).err, "Give the configuration a group `admin`");
  await place.write("waypost.yaml", "listen: [{ transport: udp, host: 127.0.0.1, port: 5060 }]\nadmin: { port: 0 }\n");
  t.match(await place.waypost(["callers"]), { status: 1, err: /admin\.port 0/ });
});
