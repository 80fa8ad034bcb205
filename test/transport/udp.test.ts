import { spawnSync } from "node:child_process";
import { createSocket, type Socket } from "node:dgram";
import { EventEmitter, once } from "node:events";
import { fstatSync, openSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import koffi from "koffi";
import t from "tap";
import type { Flow } from "../../src/sip/flow.ts";
import { Turn } from "../../src/transport/turn.ts";
import { bindBatchedSocket } from "../../src/transport/udp/batched-socket.ts";
import { bound } from "../../src/transport/udp/dgram-socket.ts";
import { UdpListener } from "../../src/transport/udp/listener.ts";
import { bindUdpSocket } from "../../src/transport/udp/socket.ts";
import { loadSystemCalls } from "../../src/transport/udp/system-calls.ts";
import { freePort } from "../support/free-port.ts";
import { listening, OPTIONS, Recorder, udpPeer } from "./wire.ts";

/** Sends 200 datagrams of 1 kB to the port given. */
const SEND_200 = `
  const socket = require("node:dgram").createSocket("udp4");
  let left = 200;
  for (let i = 0; i < 200; i++)
    socket.send(Buffer.alloc(1024), Number(process.argv[1]), "127.0.0.1", () => --left || socket.close());
`;

for (const udp of process.platform === "linux" ? (["dgram", "batched"] as const) : (["dgram"] as const)) {
  t.test(`${udp}`, async (t) => {
    for (const host of ["127.0.0.1", "::1"]) {
      t.test(`a datagram comes up with the flow it came on, and the answer goes back on it (${host})`, async (t) => {
        const { transports, handler } = await listening(t, [{ transport: "udp", host }], { udp });
        const peer = await udpPeer(t, host);
        peer.socket.send(OPTIONS, transports.listeners[0]!.port, host);
        const { text, flow } = await handler.message();
        t.equal(text, OPTIONS);
        t.match(flow, { transport: "udp", remoteAddress: host, remotePort: peer.port, open: true });
        t.equal(flow.listener, transports.listeners[0]);

        const answer = once(peer.socket, "message");
        transports.send(flow, Buffer.from("SIP/2.0 200 OK\r\n\r\n"));
        const [bytes, from] = await answer;
        t.equal(bytes.toString(), "SIP/2.0 200 OK\r\n\r\n");
        t.equal(from.port, transports.listeners[0]!.port, "it comes from the listener's own port");
      });

      t.test(`a request to a target leaves from the listener's socket (${host})`, async (t) => {
        const { transports } = await listening(t, [{ transport: "udp", host }], { udp });
        const peer = await udpPeer(t, host);
        const arrival = once(peer.socket, "message");
        const listener = transports.listeners[0]!;
        const flow = transports.connect({ transport: "udp", address: host, port: peer.port, host: "pool" }, listener);
        transports.send(flow, Buffer.from(OPTIONS));
        const [bytes, from] = await arrival;
        t.equal(bytes.toString(), OPTIONS);
        t.equal(from.port, listener.port);
      });
    }

    t.test("CRLF keepalives in datagrams are swallowed and counted (RFC 5626 §3.5)", async (t) => {
      const { transports, handler } = await listening(t, [{ transport: "udp" }], { udp });
      const peer = await udpPeer(t);
      const port = transports.listeners[0]!.port;
      for (const bytes of ["\r\n\r\n", "\r\n", "", OPTIONS]) peer.socket.send(bytes, port, "127.0.0.1");
      const { text } = await handler.message();
      t.equal(text, OPTIONS);
      t.equal(handler.messages.length, 1);
      t.match(transports.stats()[0], { keepalives: 3, messagesIn: 1 });
    });

    t.test("line ends in front of the start line are left out (RFC 3261 §7.5)", async (t) => {
      const { transports, handler } = await listening(t, [{ transport: "udp" }], { udp });
      const peer = await udpPeer(t);
      peer.socket.send(`\r\n\r\n\r\n${OPTIONS}`, transports.listeners[0]!.port, "127.0.0.1");
      t.equal((await handler.message()).text, OPTIONS);
    });

    t.test("a datagram too big for UDP is reported on its flow, and the socket goes on", async (t) => {
      const { transports, handler } = await listening(t, [{ transport: "udp" }], { udp });
      const peer = await udpPeer(t);
      const listener = transports.listeners[0]!;
      const flow = transports.connect(
        { transport: "udp", address: "127.0.0.1", port: peer.port, host: "pool" },
        listener,
      );
      transports.send(flow, Buffer.alloc(70_000));
      t.equal(handler.ends.length, 0, "nothing is reported from within send");
      const end = await handler.end();
      t.equal(end.flow, flow);
      t.match(end.reason, /too big for UDP/);
      t.match(transports.stats()[0], { sendFailures: 1 });

      const arrival = once(peer.socket, "message");
      transports.send(flow, Buffer.from(OPTIONS));
      t.equal((await arrival)[0].toString(), OPTIONS);
    });

    t.test(
      "each request to one target has a flow of its own: what cannot be sent is the failure of that one",
      async (t) => {
        const { transports, handler } = await listening(t, [{ transport: "udp" }], { udp });
        const peer = await udpPeer(t);
        const target = { transport: "udp", address: "127.0.0.1", port: peer.port, host: "pool" } as const;
        const listener = transports.listeners[0]!;
        const [first, second] = [transports.connect(target, listener), transports.connect({ ...target }, listener)];
        t.not(first, second);
        t.match(second, { remoteAddress: "127.0.0.1", remotePort: peer.port, open: true });
        transports.send(second, Buffer.alloc(70_000));
        t.equal((await handler.end()).flow, second);
        const arrival = once(peer.socket, "message");
        transports.send(first, Buffer.from(OPTIONS));
        t.equal((await arrival)[0].toString(), OPTIONS);
        await transports.close();
        t.same([first.open, second.open], [false, false]);
      },
    );

    t.test("after close nothing is sent and nothing throws", async (t) => {
      const { transports, handler } = await listening(t, [{ transport: "udp" }], { udp });
      const peer = await udpPeer(t);
      peer.socket.send(OPTIONS, transports.listeners[0]!.port, "127.0.0.1");
      const { flow } = await handler.message();
      await transports.close();
      t.notOk(flow.open);
      transports.send(flow, Buffer.from(OPTIONS));
      t.match(transports.stats()[0], { sendFailures: 1 });
    });

    for (const host of ["127.0.0.1", "::1"]) {
      t.test(`a burst comes up whole and in order, and its answers leave in the same order (${host})`, async (t) => {
        const { transports, handler } = await listening(t, [{ transport: "udp", host }], { udp });
        const peer = await udpPeer(t, host);
        const answers: string[] = [];
        handler.onMessage = (bytes, flow) => transports.send(flow, Buffer.from(`answer to ${bytes.toString()}`));
        const all = new Promise<void>((resolve) => {
          peer.socket.on("message", (bytes) => answers.push(bytes.toString()) === 100 && resolve());
        });
        // Different lengths, more than one system call takes, and one that is longer than a page of memory.
        const sent = Array.from({ length: 100 }, (_, i) => `${i} ${"x".repeat(i === 70 ? 9000 : i * 2)}`);
        for (const text of sent) peer.socket.send(text, transports.listeners[0]!.port, host);
        await all;
        t.same(
          handler.messages.map(({ text }) => text),
          sent,
        );
        t.same(
          answers,
          sent.map((text) => `answer to ${text}`),
        );
        t.ok(handler.messages.every(({ flow }) => flow.remotePort === peer.port && flow.remoteAddress === host));
        t.match(transports.stats()[0], { messagesIn: 100, messagesOut: 100, sendFailures: 0 });
      });
    }

    t.test("a burst arrives whole and in order", async (t) => {
      const { transports, handler } = await listening(t, [{ transport: "udp" }], { udp });
      const peer = await udpPeer(t);
      for (let i = 0; i < 100; i++) peer.socket.send(`message ${i}`, transports.listeners[0]!.port, "127.0.0.1");
      await handler.message(99);
      t.same(
        handler.messages.map(({ text }) => text),
        Array.from({ length: 100 }, (_, i) => `message ${i}`),
      );
    });

    t.test("one datagram of a burst that cannot be sent does not hold up the others", async (t) => {
      const { transports, handler } = await listening(t, [{ transport: "udp" }], { udp });
      const peer = await udpPeer(t);
      const listener = transports.listeners[0]!;
      const arrived: string[] = [];
      peer.socket.on("message", (bytes) => arrived.push(bytes.toString()));
      const to = (port: number, address = "127.0.0.1"): Flow =>
        transports.connect({ transport: "udp", address, port, host: "pool" }, listener);
      // The kernel refuses broadcast to a socket that has not asked for it.
      const bad = to(peer.port, "255.255.255.255");
      for (const [flow, text] of [
        [to(peer.port), "one"],
        [bad, "two"],
        [to(peer.port), "three"],
      ] as const) {
        transports.send(flow, Buffer.from(text));
      }
      const end = await handler.end();
      t.equal(end.flow, bad);
      t.match(end.reason, /does not let us send to 255\.255\.255\.255|no route to 255\.255\.255\.255/);
      while (arrived.length < 2) await once(peer.socket, "message");
      t.same(arrived, ["one", "three"]);
    });

    t.test("a port that is taken is told, and cannot be bound twice", async (t) => {
      const { transports } = await listening(t, [{ transport: "udp" }], { udp });
      const port = transports.listeners[0]!.port;
      await t.rejects(listening(t, [{ transport: "udp", port }], { udp }), /address already in use/);
      // A socket that allows it must not be able to share the port with us.
      const thief = createSocket({ type: "udp4", reuseAddr: true });
      t.teardown(() => thief.close());
      const [error] = await once(thief.bind(port, "127.0.0.1"), "error");
      t.equal(error.code, "EADDRINUSE");
    });

    t.test("what the kernel drops is counted and told", { skip: process.platform !== "linux" }, async (t) => {
      const { transports, handler } = await listening(t, [{ transport: "udp" }], {
        udp,
        udpBufferBytes: 4096,
        idleSeconds: 1,
      });
      const peer = await udpPeer(t);
      const { port } = transports.listeners[0]!;
      // Nobody reads while this loop sends, so what does not fit into the buffer is lost.
      const sender = spawnSync(process.execPath, ["-e", SEND_200, String(port)]);
      t.equal(sender.status, 0);
      await handler.until(() => handler.anomalies.length > 0);
      t.match(handler.anomalies[0], { kind: "udp-receive-drops", detail: /the kernel dropped \d+ datagrams/ });
      t.ok(transports.stats()[0]!.kernelDrops > 0);
      t.ok(peer.port > 0);
    });
  });
}

t.test("a target of the other address family is reported, not thrown", async (t) => {
  const { transports, handler } = await listening(t, [{ transport: "udp" }]);
  const target = { transport: "udp", address: "::1", port: 5060, host: "pool" } as const;
  const flow = transports.connect(target, transports.listeners[0]!);
  const end = await handler.end();
  t.equal(end.flow, flow);
  t.notOk(flow.open);
  t.match(end.reason, /cannot send to udp \[::1\]:5060: a listener for udp over IPv4 does not reach it/);
});

t.test("when the kernel takes no more, datagrams are dropped and it is told once", async (t) => {
  const { transports } = await listening(t, [{ transport: "udp" }]);
  const handler = new Recorder();
  // A full send queue cannot be had on loopback.
  const full = {
    port: 5060,
    descriptor: undefined,
    send: () => false,
    flush() {},
    read() {},
    close: async () => undefined,
  };
  const part = new UdpListener(transports.listeners[0]!, full, handler);
  const flow = part.connect({ transport: "udp", address: "127.0.0.1", port: 5090, host: "pool" }, "");
  flow.send(Buffer.from(OPTIONS));
  flow.send(Buffer.from(OPTIONS));
  t.same(handler.anomalies, [], "not from within send");
  await handler.until(() => handler.anomalies.length > 0);
  t.match(handler.anomalies, [{ kind: "udp-send-queue-full" }]);
  t.equal(part.stats.sendFailures, 2);
});

if (process.platform === "linux") {
  t.test("what the kernel has ready is told as bursts, so that its time is read once", async (t) => {
    const { transports, handler } = await listening(t, [{ transport: "udp" }], { udp: "batched" });
    spawnSync(process.execPath, ["-e", SEND_200, String(transports.listeners[0]!.port)]);
    await handler.until(() => handler.messages.length === 200);
    // Nobody read while they were sent, and one system call brings 64.
    t.ok(handler.bursts.length < 100, `${handler.bursts.length} bursts`);
    t.ok(
      handler.bursts.every((messages) => messages <= 64),
      "each system call's is one of its own",
    );
    t.equal(
      handler.bursts.reduce((sum, messages) => sum + messages, 0),
      200,
    );
    t.notOk(handler.inBurst);
  });

  t.test("what is not read stays in the kernel, and comes when it is read again", async (t) => {
    const { transports, handler } = await listening(t, [{ transport: "udp" }], { udp: "batched" });
    const peer = await udpPeer(t);
    const send = (text: string): void => peer.socket.send(text, transports.listeners[0]!.port, "127.0.0.1");
    transports.readDatagrams(false);
    send("one");
    await pause(50);
    t.same(handler.messages, []);
    transports.readDatagrams(true);
    await handler.until(() => handler.messages.length === 1);
    send("two");
    await handler.until(() => handler.messages.length === 2);
    t.same(
      handler.messages.map(({ text }) => text),
      ["one", "two"],
    );
  });

  const quiet = (): Turn => new Turn({ received() {}, closed() {} }, () => {});
  const binding = { family: 4, address: "127.0.0.1", port: 0, bufferBytes: 65_536 } as const;

  t.test("a shared socket whose descriptor cannot be had moves datagrams one by one, and says so", async (t) => {
    const port = await freePort();
    const heard: string[] = [];
    const receiver = {
      datagram: (bytes: Buffer) => heard.push(bytes.toString()),
      nextBurst() {},
      unsent() {},
      error() {},
    };
    const share = async (socket: Socket): Promise<number> => {
      await bound(socket, { address: "127.0.0.1", port });
      return -1;
    };
    const { socket, setback } = await bindUdpSocket("batched", { ...binding, port }, receiver, quiet(), share);
    t.teardown(() => socket.close());
    t.match(setback, /descriptor/);
    const peer = await udpPeer(t);
    const arrival = once(peer.socket, "message");
    t.equal(socket.send(OPTIONS, peer.port, "127.0.0.1", undefined), true);
    t.equal(String((await arrival)[0]), OPTIONS);
  });

  t.test("a descriptor that node:dgram does not take is closed again", async (t) => {
    const calls = await loadSystemCalls();
    if (typeof calls === "string") throw new Error(calls);
    // A file in the place of a socket.
    const descriptor = openSync("/dev/null", "r");
    const broken = { ...calls, socket: () => descriptor, bind: () => 0 };
    const receiver = { datagram() {}, nextBurst() {}, unsent() {}, error() {} };
    await t.rejects(bindBatchedSocket(broken, binding, receiver, quiet()));
    t.throws(() => fstatSync(descriptor), { code: "EBADF" });
  });

  t.test("an error of the socket is told, and it goes on", async (t) => {
    const calls = await loadSystemCalls();
    if (typeof calls === "string") throw new Error(calls);
    const connect = koffi.load(null).func("int connect(int, void *, uint32_t)");
    const port = await freePort();
    // Only a socket that is connected hears that nobody is there.
    const connected = {
      ...calls,
      bind: (fd: number, address: Buffer, length: number) => {
        const result = calls.bind(fd, address, length);
        const peer = Buffer.from(address);
        peer.writeUInt16BE(port, 2);
        connect(fd, peer, length);
        return result;
      },
    };
    const seen: string[] = [];
    const events = new EventEmitter();
    const note = (what: string): void => {
      seen.push(what);
      events.emit("seen");
    };
    const receiver = { datagram: (bytes: Buffer) => note(String(bytes)), nextBurst() {}, unsent() {}, error: note };
    const socket = await bindBatchedSocket(connected, binding, receiver, quiet());
    t.teardown(() => socket!.close());
    socket!.send(OPTIONS, port, "127.0.0.1", undefined);
    await once(events, "seen");
    t.same(seen, ["recvmmsg ECONNREFUSED"]);

    const peer = createSocket("udp4");
    t.teardown(() => peer.close());
    await new Promise<void>((resolve) => peer.bind(port, "127.0.0.1", resolve));
    peer.send(OPTIONS, socket!.port, "127.0.0.1");
    await once(events, "seen");
    t.same(seen, ["recvmmsg ECONNREFUSED", OPTIONS]);
  });
}
