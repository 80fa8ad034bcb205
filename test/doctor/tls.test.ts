import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:tls";
import t from "tap";
import type { Reach } from "../../src/doctor/reach.ts";
import { TlsDialler } from "../../src/transport/tls/dialler.ts";
import { readMaterial } from "../../src/transport/tls/material.ts";
import { row } from "../endpoints/row.ts";
import { Authority, Folder } from "../support/certificates.ts";
import { examined, reaching } from "./examined.ts";

/** A pool over TLS with a certificate for this name, and ways out that trust its CA. */
async function secured(t: Parameters<typeof reaching>[0], name: string): Promise<Reach> {
  const authority = await Authority.make();
  const folder = await Folder.make(t);
  const { cert, key } = await authority.issue({ dns: [name] });
  const server = createServer({ cert, key }, (socket) => {
    socket.on("error", () => undefined);
    socket.on("data", (bytes: Buffer) => {
      const copied = bytes.toString().match(/^(Via|From|To|Call-ID|CSeq): .*$/gm) ?? [];
      socket.write(`SIP/2.0 200 OK\r\n${copied.join("\r\n")}\r\nContent-Length: 0\r\n\r\n`);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const reach = await reaching(t, [{ transport: "tls", address: "127.0.0.1", port }], 10_000, ["tls"]);
  const ca = await folder.put("ca.pem", authority.pem);
  return { ...reach, dialler: new TlsDialler({}, await readMaterial({ ca }, false)) };
}

t.test("the handshake is a step of its own, with version, cipher and the end of the certificate", async (t) => {
  const steps = await examined(await secured(t, "pcpool.contoso.com"), [row({ transport: "tls" })]);
  t.match(steps.all.slice(2), [
    { name: "connect", outcome: "ok" },
    {
      name: "tls",
      outcome: "ok",
      detail: /^TLSv1\.3 with TLS_\w+, certificate of pcpool\.contoso\.com until \d{4}-\d\d-\d\d$/,
    },
    { name: "options", outcome: "ok", detail: /^tls:127\.0\.0\.1:\d+ speaks SIP: 200 OK/ },
  ]);
});

t.test("a certificate of another name fails as it fails for the gateway (RFC 5922 §7.1)", async (t) => {
  const steps = await examined(await secured(t, "other.contoso.com"), [row({ transport: "tls" })]);
  t.match(steps.all.at(-1), {
    name: "tls",
    outcome: "failed",
    detail: /showed a certificate for other\.contoso\.com, not for pcpool\.contoso\.com$/,
    fix: /certificates/,
  });
});

t.test("a CA that nobody trusts", async (t) => {
  const reach = await secured(t, "pcpool.contoso.com");
  const dialler = new TlsDialler({}, await readMaterial({}, false));
  const steps = await examined({ ...reach, dialler }, [row({ transport: "tls" })]);
  t.match(steps.all.at(-1), {
    name: "tls",
    outcome: "failed",
    detail: /pcpool\.contoso\.com \(127\.0\.0\.1:\d+\) showed/,
  });
});
