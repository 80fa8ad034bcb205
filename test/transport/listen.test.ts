import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, isIP } from "node:net";
import t from "tap";
import { canonicalAddress, hostPort } from "../../src/address.ts";
import { WaypostError } from "../../src/errors.ts";
import { DEFAULTS } from "../../src/transport/part.ts";
import { bindTcpServer, TcpListener } from "../../src/transport/tcp.ts";
import { Transports } from "../../src/transport/transports.ts";
import { Turn } from "../../src/transport/turn.ts";
import { Client, listening, OPTIONS, peerServer, Recorder, udpPeer } from "./wire.ts";

t.test("listeners follow the specs, with the ports that were bound and the names to advertise", async (t) => {
  const { transports } = await listening(t, [
    { transport: "udp", advertisedHost: "gw.contoso.com", advertisedPort: 5060 },
    { transport: "tcp", host: "[::1]" },
    { transport: "tcp", host: "::ffff:127.0.0.1" },
  ]);
  const [udp, six, mapped] = transports.listeners;
  t.match(udp, {
    transport: "udp",
    family: 4,
    address: "127.0.0.1",
    advertisedHost: "gw.contoso.com",
    advertisedPort: 5060,
  });
  t.ok(udp!.port > 0 && udp!.port !== 5060);
  t.match(six, { transport: "tcp", family: 6, address: "::1", advertisedHost: "::1", advertisedPort: six!.port });
  t.match(mapped, { family: 4, address: "127.0.0.1" });
});

t.test("both wildcards stand side by side on one port, and neither advertises a wildcard", async (t) => {
  for (const transport of ["tcp", "udp"] as const) {
    const { transports } = await listening(t, [{ transport, host: "0.0.0.0" }]);
    const four = transports.listeners[0]!;
    const second = await listening(t, [{ transport, host: "::", port: four.port }]);
    const six = second.transports.listeners[0]!;
    t.equal(six.port, four.port);
    t.ok(isIP(four.advertisedHost) === 4 && four.advertisedHost !== "0.0.0.0");
    t.ok(isIP(six.advertisedHost) === 6 && six.advertisedHost !== "::");
  }
});

t.test("a port in use is LISTENER_FAILED with address, port and cause, and what was bound is free again", async (t) => {
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  t.teardown(() => taken.close());
  const { port } = taken.address() as { port: number };
  const free = await peerServer(t);
  await new Promise((resolve) => free.server.close(resolve));

  const specs = [
    { transport: "tcp", host: "127.0.0.1", port: free.port },
    { transport: "tcp", host: "127.0.0.1", port },
  ] as const;
  const error = await Transports.listen(specs, {}, new Recorder()).catch((error) => error);
  t.ok(error instanceof WaypostError);
  t.match(error, {
    code: "LISTENER_FAILED",
    message: `cannot listen on tcp 127.0.0.1:${port}: address already in use (EADDRINUSE)`,
  });
  await listening(t, [{ transport: "tcp", port: free.port }]);
});

t.test("a UDP port in use is refused as well", async (t) => {
  const { port } = await udpPeer(t);
  const failing = Transports.listen([{ transport: "udp", host: "127.0.0.1", port }], {}, new Recorder());
  await t.rejects(failing, {
    code: "LISTENER_FAILED",
    message: `cannot listen on udp 127.0.0.1:${port}: address already in use (EADDRINUSE)`,
  });
});

t.test("host names, foreign addresses and unknown transports are refused with the reason", async (t) => {
  const refuse = (transport: "udp" | "tcp" | "tls", host: string, message: RegExp) =>
    t.rejects(Transports.listen([{ transport, host, port: 0 }], {}, new Recorder()), {
      code: "LISTENER_FAILED",
      message,
    });
  await refuse("tcp", "localhost", /tcp localhost:0: the host has to be an IP address, not a name/);
  await refuse("udp", "192.0.2.1", /udp 192\.0\.2\.1:0: no interface of this machine has that address/);
  await refuse("tcp", "2001:db8::1", /tcp \[2001:db8::1\]:0: no interface/);
  await refuse("tls", "127.0.0.1", /tls 127\.0\.0\.1:0: it needs a certificate and a key/);
});

t.test("what arrives before every listener is bound comes up afterwards", async (t) => {
  const bound = await bindTcpServer(4, "127.0.0.1", 0);
  const accepted = once(bound.server, "connection");
  const client = await Client.to(t, bound.port);
  client.socket.write(OPTIONS);
  await accepted;
  const handler = new Recorder();
  const advertised = { advertisedHost: "gw.contoso.com", advertisedPort: bound.port };
  const listener = { transport: "tcp", family: 4, address: "127.0.0.1", port: bound.port, ...advertised } as const;
  const part = new TcpListener({
    listener,
    bound,
    handler,
    options: DEFAULTS,
    turn: new Turn(handler, () => undefined),
    zone: "",
  });
  t.teardown(() => part.close());
  part.start();
  t.equal((await handler.message()).text, OPTIONS);
});

t.test("after stopListening open connections live and new ones are refused", async (t) => {
  const { transports, handler } = await listening(t, [{ transport: "tcp" }]);
  const port = transports.listeners[0]!.port;
  const client = await Client.to(t, port);
  client.socket.write(OPTIONS);
  await handler.message(0);
  transports.stopListening();
  await t.rejects(Client.to(t, port), { code: "ECONNREFUSED" });
  client.socket.write(OPTIONS);
  const { flow } = await handler.message(1);
  transports.send(flow, Buffer.from(OPTIONS));
  t.equal(await client.until((text) => text.length >= OPTIONS.length), OPTIONS);
});

t.test("close delivers what was sent, ends every connection and reports each once", async (t) => {
  const { transports, handler } = await listening(t, [{ transport: "tcp" }]);
  const client = await Client.to(t, transports.listeners[0]!.port);
  client.socket.write(OPTIONS);
  const { flow } = await handler.message();
  const big = `${OPTIONS}${"x".repeat(500_000)}`;
  transports.send(flow, Buffer.from(big));
  await transports.close();
  await client.closed();
  t.equal(client.text.length, big.length);
  t.same(
    handler.ends.map((end) => end.reason),
    ["the gateway is closing"],
  );
  await transports.close();
});

t.test("after hangUp the peer has its answer and the end; what it sent too late is not looked at", async (t) => {
  const { transports, handler } = await listening(t, [{ transport: "tcp" }]);
  const client = await Client.to(t, transports.listeners[0]!.port);
  client.socket.write(OPTIONS);
  const { flow } = await handler.message();
  client.socket.pause();
  transports.send(flow, Buffer.from("the answer"));
  transports.hangUp();
  // A connection that is closed with this unread would be reset, and the answer lost with it.
  client.socket.write(OPTIONS);
  await new Promise((resolve) => setTimeout(resolve, 50));
  client.socket.resume();
  await client.closed();
  t.equal(client.text, "the answer");
  t.equal(handler.messages.length, 1);
  t.match(await handler.end(), { flow, reason: /closing/ });
});

t.test("close does not wait for a peer that never reads", async (t) => {
  const { transports, handler } = await listening(t, [{ transport: "tcp" }], {
    closeGraceMs: 50,
    maxQueuedBytes: 100_000_000,
  });
  const client = await Client.to(t, transports.listeners[0]!.port);
  client.socket.write(OPTIONS);
  const { flow } = await handler.message();
  client.socket.pause();
  transports.send(flow, Buffer.alloc(50_000_000, 65));
  await transports.close();
  t.match(transports.stats()[0], { connections: 0 });
});

t.test("a process whose transports are closed ends by itself", async (t) => {
  const module = new URL("../../src/transport/transports.js", import.meta.url).href;
  const script = `
    const { Transports } = await import(${JSON.stringify(module)});
    const specs = ["udp", "tcp"].map((transport) => ({ transport, host: "127.0.0.1", port: 0 }));
    const transports = await Transports.listen(specs, {}, { received() {}, closed() {} });
    transports.start();
    const [, tcp] = transports.listeners;
    transports.send(transports.connect({ transport: "tcp", address: "127.0.0.1", port: tcp.port, host: "x" }, tcp), Buffer.from("x"));
    setImmediate(async () => { await transports.close(); console.log("closed"); });`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.teardown(() => child.kill());
  const [output] = await once(child.stdout, "data");
  t.equal(String(output), "closed\n");
  const [code] = await once(child, "exit");
  t.equal(code, 0);
});

t.test("what arrives before the start comes at the start, in its order", async (t) => {
  const handler = new Recorder();
  const specs = (["udp", "tcp"] as const).map((transport) => ({ transport, host: "127.0.0.1", port: 0 }));
  const transports = await Transports.listen(specs, {}, handler);
  t.teardown(() => transports.close());
  const [udp, tcp] = transports.listeners;
  const peer = await udpPeer(t);
  const client = await Client.to(t, tcp!.port);
  const datagrams = ["1", "2"].map((number) => OPTIONS.replace("a@b", number));
  for (const text of datagrams) peer.socket.send(text, udp!.port, "127.0.0.1");
  client.socket.write(OPTIONS);
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.same(handler.messages, [], "nobody is there yet who could take it");
  transports.start();
  await handler.until(({ messages }) => messages.length === 3);
  const came = handler.messages.filter(({ flow }) => flow.transport === "udp");
  t.same(
    came.map(({ text }) => text),
    datagrams,
  );
});

t.test("addresses have one spelling", async (t) => {
  for (const [given, canonical] of [
    ["127.0.0.1", "127.0.0.1"],
    ["[::1]", "::1"],
    ["0:0:0:0:0:0:0:1", "::1"],
    ["2001:DB8:0:0::A", "2001:db8::a"],
    ["::ffff:7f00:1", "127.0.0.1"],
    ["fe80::1%eth0", "fe80::1"],
    ["localhost", undefined],
    ["127.1", undefined],
    ["", undefined],
  ] as const) {
    t.equal(canonicalAddress(given), canonical, given);
  }
  t.equal(hostPort("::1", 5060), "[::1]:5060");
});
