import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import t from "tap";
import { freePort, isFree } from "./free-port.ts";

for (const host of ["127.0.0.1", "127.0.0.2", "0.0.0.0", "::1", "::"]) {
  t.test(`a port is taken that somebody has at ${host}, over UDP or TCP`, async (t) => {
    const port = await freePort();
    const socket = createSocket(host.includes(":") ? "udp6" : "udp4").bind(port, host);
    await once(socket, "listening");
    t.equal(await isFree(port), false);
    socket.close();
    await once(socket, "close");
    const server = createServer().listen(port, host);
    await once(server, "listening");
    t.equal(await isFree(port), false);
    server.close();
    await once(server, "close");
    t.equal(await isFree(port), true);
  });
}

t.test("ports in a row", async (t) => {
  const first = await freePort(3);
  t.same(await Promise.all([first, first + 1, first + 2].map(isFree)), [true, true, true]);
});
