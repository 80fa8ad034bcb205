import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t, { type Test } from "tap";
import { loadConfig } from "../../src/config/load.ts";
import { startGateway } from "../../src/daemon.ts";
import { digestHash } from "../../src/engine/registrar.ts";
import { createLog } from "../../src/observe/log.ts";
import { credentials, parseChallenge } from "../../src/registration/digest.ts";
import { Folder } from "../support/certificates.ts";
import { freePort } from "../support/free-port.ts";
import { tableText } from "../support/gateway.ts";
import { Kamailio } from "../support/kamailio.ts";
import { udpEnvironment } from "../support/udp-form.ts";
import { RawPeer } from "./raw-peer.ts";

const ADDRESS = "sip:ocschat@contoso.com";
/** Far more than anything here takes. */
const PATIENCE_MS = 60_000;

async function until<T>(what: string, look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`in vain waited for: ${what}`);
    await sleep(50);
  }
}

interface Lines {
  readonly msg: string;
  readonly reason?: string;
  readonly kind?: string;
}

/** A gateway in this process that logs into a list. */
async function gatewayWith(t: Test, config: object, rows: Parameters<typeof tableText>[0]) {
  const folder = await Folder.make(t);
  await folder.put("endpoints.json", tableText(rows));
  await folder.put("password", "secret\n");
  const listen = [{ transport: "tcp", host: "127.0.0.1", port: 0 }];
  await folder.put("waypost.yaml", JSON.stringify({ listen, admin: { port: 0 }, ...config }));
  const loaded = loadConfig({ file: join(folder.path, "waypost.yaml"), env: udpEnvironment, cwd: folder.path });
  const lines: Lines[] = [];
  const log = createLog("info", { write: (text) => void lines.push(JSON.parse(text)) });
  const gateway = await startGateway(loaded, log);
  let stopped = false;
  const stop = async (): Promise<void> => {
    if (!stopped) await gateway.stop();
    stopped = true;
  };
  t.teardown(stop);
  const admin = `http://127.0.0.1:${gateway.admin!.port}`;
  const registration = async () => {
    const { registrations } = (await (await fetch(`${admin}/registrations`)).json()) as {
      registrations: { state: string; kind?: string; reason?: string }[];
    };
    return registrations[0]!;
  };
  const state = (wanted: string, kind?: string) =>
    until(`registration ${wanted} ${kind ?? ""}`, async () => {
      const now = await registration();
      return now.state === wanted && now.kind === kind ? now : undefined;
    });
  return { gateway, folder, lines, stop, state, admin };
}

/** A request with one Via, from a client at `sentBy`. */
function text(start: string, sentBy: string, callId: string, cseq: number, headers: readonly string[]): string {
  const [method] = start.split(" ");
  return `${[
    `${start} SIP/2.0`,
    `Via: SIP/2.0/TCP ${sentBy};branch=z9hG4bK-${callId}-${cseq}-${method}`,
    "Max-Forwards: 70",
    `Call-ID: ${callId}`,
    `CSeq: ${cseq} ${method}`,
    ...headers,
    "Content-Length: 0",
  ].join("\r\n")}\r\n\r\n`;
}

const FROM_BOB = "From: <sip:bob@contoso.com>;tag=b1";

t.test("a registrar that is not ours: registered, called by it, and healed of what befalls it", async (t) => {
  const port = await freePort();
  let kamailio = await Kamailio.start(t, { port, password: "secret", algorithm: "SHA-256" });
  const pool = await RawPeer.listening(t, "tcp", "127.0.0.1", {});
  const { gateway, lines, folder, stop, state, admin } = await gatewayWith(
    t,
    {
      registrar: { server: `sip:127.0.0.1:${port};transport=tcp`, passwordFile: "password" },
      resolve: { hosts: { "pcpool.contoso.com": [`tcp:${pool.local}`] } },
    },
    [{ sipAddress: ADDRESS, poolFqdn: "pcpool.contoso.com", register: true }],
  );

  /** A caller of the registrar dials the well-known user. Gives the status, and what the pool heard. */
  const call = async (callId: string, at = port) => {
    const { peer, link } = await RawPeer.connected(t, "tcp", { address: "127.0.0.1", port: at }, "");
    const contact = `Contact: <sip:bob@${link.local};transport=tcp>`;
    link.send(text(`INVITE ${ADDRESS}`, link.local, callId, 1, [FROM_BOB, `To: <${ADDRESS}>`, contact]));
    return { peer, link };
  };

  await t.test("the registration is accepted with digest (SHA-256), and INVITEs come to the pool", async (t) => {
    await state("registered");
    const { peer, link } = await call("one");
    const heard = await pool.request("INVITE", "one");
    t.equal(heard.message.requestUri, ADDRESS, "the pool sees the address, not our Contact");
    t.equal(heard.message.one("To"), `<${ADDRESS}>`);
    heard.link.send(heard.message.reply("200 OK", { headers: `Contact: <sip:pool@${pool.local};transport=tcp>\r\n` }));
    const ok = await peer.answer("1 INVITE", "one");
    t.equal(ok.status, 200);
    const routes = ok
      .list("Record-Route")
      .reverse()
      .map((route) => `Route: ${route}`);
    t.equal(routes.length >= 2, true, "both stay on the path");
    const inDialog = (method: string, cseq: number) =>
      link.send(
        text(`${method} sip:pool@${pool.local};transport=tcp`, link.local, "one", cseq, [
          FROM_BOB,
          `To: ${ok.one("To")}`,
          ...routes,
        ]),
      );
    inDialog("ACK", 1);
    await pool.request("ACK", "one");
    inDialog("INFO", 2);
    const info = await pool.request("INFO", "one");
    info.link.send(info.message.reply("200 OK"));
    t.equal((await peer.answer("2 INFO", "one")).status, 200);
  });

  await t.test("killed and started again with nothing in memory: registered anew by itself", async (t) => {
    await kamailio.kill();
    await until("a failed attempt", () => lines.find(({ kind }) => kind === "unreachable"));
    kamailio = await Kamailio.start(t, { port, password: "secret", algorithm: "SHA-256" });
    await state("registered");
    const { peer } = await call("two");
    const heard = await pool.request("INVITE", "two");
    heard.link.send(heard.message.reply("486 Busy Here"));
    t.equal((await peer.answer("1 INVITE", "two")).status, 486);
    await kamailio.kill();
  });

  await t.test("another password: said in the log and the status; healed when the file is changed", async (t) => {
    kamailio = await Kamailio.start(t, { port, password: "changed" });
    t.equal((await fetch(`${admin}/registrations/refresh`, { method: "POST" })).status, 202);
    await until("the complaint", () => lines.find(({ kind }) => kind === "credentials"));
    t.match(
      (await state("registered", "credentials").catch(() => undefined)) ?? (await state("failed", "credentials")),
      {
        reason: /answered 401 .* to the password of ocschat in realm "contoso\.com"/,
      },
    );
    await folder.put("password", "changed\n");
    await state("registered");
    // The registrar ends with this test.
    await gateway.drain();
    t.ok(
      lines.some(({ msg }) => msg === "unregistered"),
      "a drain ends when the registrar has taken the binding away",
    );
  });
  await stop();
});

t.test("inline: Waypost is the server of its clients, and a registrar that is not ours stands behind it", async (t) => {
  const port = await freePort();
  await Kamailio.start(t, { port, password: "secret" });
  const { gateway } = await gatewayWith(t, { defaultRoute: { proxy: `sip:127.0.0.1:${port};transport=tcp` } }, []);

  /** A client as the legacy ones are: its Contact leads nowhere, and only its REGISTER has a branch. */
  const client = async (user: string) => {
    const { peer, link } = await RawPeer.connected(t, "tcp", gateway.listeners[0]!, "");
    const own = `<sip:${user}@contoso.com>`;
    const contact = `<sip:${user}@10.1.4.23:50312;transport=tcp>`;
    const register = (cseq: number, more: readonly string[]) =>
      link.send(
        text("REGISTER sip:contoso.com", link.local, `r-${user}`, cseq, [
          `From: ${own};tag=r1`,
          `To: ${own}`,
          `Contact: ${contact}`,
          ...more,
        ]),
      );
    register(1, []);
    const challenge = await peer.answer("1 REGISTER", `r-${user}`);
    t.equal(challenge.status, 401, "the registrar's challenge passes through");
    const parsed = parseChallenge(challenge.one("WWW-Authenticate"));
    if (typeof parsed === "string") throw new Error(parsed);
    const input = {
      username: user,
      password: "secret",
      method: "REGISTER",
      uri: "sip:contoso.com",
      nonceCount: 1,
      cnonce: "c",
    };
    register(2, [`Authorization: ${credentials(parsed, input, digestHash)}`]);
    t.equal((await peer.answer("2 REGISTER", `r-${user}`)).status, 200);
    return { peer, link, own, contact };
  };
  const branchless = (message: string): string =>
    message.replace(/;branch=\S+/, "").replace("SIP/2.0/TCP", "SIP/2.0/tcp");

  const alice = await client("alice");
  const bob = await client("bob");

  await t.test(
    "a method that nobody knows goes through to the other client, over the connection that it opened",
    async (t) => {
      const headers = [`From: ${alice.own};tag=a1;epid=c97532c1946f`, `To: ${bob.own}`, "X-Odd: kept"];
      alice.link.send(branchless(text("SERVICE sip:bob@contoso.com", alice.link.local, "s", 1, headers)));
      const heard = await bob.peer.request("SERVICE", "s");
      t.equal(heard.link, bob.link);
      t.equal(heard.message.requestUri, bob.contact.slice(1, -1));
      t.equal(heard.message.one("X-Odd"), "kept");
      heard.link.send(heard.message.reply("200 OK"));
      t.equal((await alice.peer.answer("1 SERVICE", "s")).status, 200);
    },
  );

  await t.test("a dialog between two clients: INVITE, ACK, and requests in both directions", async (t) => {
    const headers = [`From: ${alice.own};tag=a1`, `To: ${bob.own}`, `Contact: ${alice.contact}`];
    alice.link.send(branchless(text("INVITE sip:bob@contoso.com", alice.link.local, "i", 1, headers)));
    const invite = await bob.peer.request("INVITE", "i");
    bob.link.send(invite.message.reply("200 OK", { toTag: "b1", headers: `Contact: ${bob.contact}\r\n` }));
    const ok = await alice.peer.answer("1 INVITE", "i");
    const to = ok.list("Record-Route").reverse();
    const inDialog = (method: string, cseq: number) =>
      alice.link.send(
        branchless(
          text(`${method} ${bob.contact.slice(1, -1)}`, alice.link.local, "i", cseq, [
            `From: ${alice.own};tag=a1`,
            `To: ${ok.one("To")}`,
            ...to.map((route) => `Route: ${route}`),
          ]),
        ),
      );
    inDialog("ACK", 1);
    await bob.peer.request("ACK", "i");
    inDialog("INFO", 2);
    const info = await bob.peer.request("INFO", "i");
    bob.link.send(info.message.reply("200 OK"));
    t.equal((await alice.peer.answer("2 INFO", "i")).status, 200);
    const back = invite.message.list("Record-Route").map((route) => `Route: ${route}`);
    bob.link.send(
      text(`BYE ${alice.contact.slice(1, -1)}`, bob.link.local, "i", 1, [
        `From: ${ok.one("To")}`,
        `To: ${alice.own};tag=a1`,
        ...back,
      ]),
    );
    const bye = await alice.peer.request("BYE", "i");
    t.equal(bye.link, alice.link);
    alice.link.send(bye.message.reply("200 OK"));
    t.equal((await bob.peer.answer("1 BYE", "i")).status, 200);
  });

  await t.test("a failure without an ACK, as legacy clients leave it, does no harm", async (t) => {
    const headers = [`From: ${alice.own};tag=a1`, "To: <sip:nobody@contoso.com>"];
    alice.link.send(branchless(text("INVITE sip:nobody@contoso.com", alice.link.local, "n", 1, headers)));
    t.equal((await alice.peer.answer("1 INVITE", "n")).status, 404);
  });

  await t.test("a client whose connection is gone: the caller hears 430 from the edge", async (t) => {
    bob.link.close();
    const headers = [`From: ${alice.own};tag=a1`, `To: ${bob.own}`];
    const status = await until("430", async () => {
      const callId = `g${Math.random()}`;
      alice.link.send(text("MESSAGE sip:bob@contoso.com", alice.link.local, callId, 1, headers));
      const { status } = await alice.peer.answer("1 MESSAGE", callId);
      return status === 200 ? undefined : status;
    });
    t.equal(status, 430);
  });
});
