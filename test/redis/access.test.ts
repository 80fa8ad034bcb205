import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import type { RedisAccess } from "../../src/endpoints/redis/access.ts";
import { Authority } from "../support/certificates.ts";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/free-port.ts";
import { accessTo } from "./access.ts";
import { RedisServer } from "./redis-server.ts";
import { storeOf, twoRows } from "./scene.ts";

// Who may use Redis, and over what: each refusal says what is wrong.

const folder = t.testdir();
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const authority = await Authority.make();
const ca = file("ca.pem", authority.pem);
const { cert, key } = await authority.issue({ dns: ["redis.contoso.com"], ips: ["127.0.0.1"] });
const [certFile, keyFile] = [file("redis.pem", cert), file("redis.key", key)];
const tlsPort = await freePort();
const server = await RedisServer.start(
  t,
  ...["--requirepass", "s3cret", "--tls-port", String(tlsPort), "--tls-ca-cert-file", ca],
  ...["--tls-cert-file", certFile, "--tls-key-file", keyFile],
);
const admin = server.client(t, { password: "s3cret" });
// The line of docs/redis.md.
const RIGHTS = "~{waypost}:* +@read +@write +@connection +eval +time -@dangerous +info +cluster|slots".split(" ");
await admin.call("ACL", "SETUSER", "gate", "on", ">gatepass", ...RIGHTS);
await admin.call(
  "ACL",
  "SETUSER",
  "reader",
  "on",
  ">readpass",
  "~*",
  "+@read",
  "+@connection",
  "+eval",
  "+time",
  "+info",
);

const overTls = (tls: object) => ({
  server: { kind: "standalone", node: { host: "127.0.0.1", port: tlsPort }, db: 0 } as const,
  password: "s3cret",
  tls,
  prefix: "tls",
});
const own = { ca, cert: certFile, key: keyFile };

const refusals: readonly [name: string, Partial<RedisAccess>, message: RegExp][] = [
  ["no password", {}, /it wants a password, and none is set \(NOAUTH/],
  ["a wrong password", { password: "guess" }, /it refuses user and password \(WRONGPASS/],
  ["an unknown user", { username: "nobody", password: "s3cret" }, /it refuses user and password \(WRONGPASS/],
  ["a user who may not write", { username: "reader", password: "readpass" }, /its ACL does not permit this user/],
  [
    "a user whose keys are others",
    { username: "gate", password: "gatepass", prefix: "elsewhere" },
    /its ACL does not permit this user what is needed \(NOPERM/,
  ],
  ["TLS whose authority nobody knows", overTls({}), /its TLS certificate is not accepted/],
  [
    "a certificate for another name",
    overTls({ ...own, servername: "other.contoso.com" }),
    /its TLS certificate is not accepted/,
  ],
  // Under TLS 1.3 the refusal comes after the handshake, and often only as the end of the connection.
  ["no certificate where Redis asks for one", overTls({ ca }), /it wants a TLS certificate|the connection was lost/],
];
// Some of them take as long as Redis may take for an answer.
const tried = refusals.map(([, more]) => twoRows(storeOf(t, accessTo(server, more))).catch((error: unknown) => error));
for (const [index, [name, , message]] of refusals.entries()) {
  await t.test(name, async (t) => t.match(await tried[index], { code: "STORE_UNREACHABLE", message }));
}

await t.test("the rights that are documented suffice, for changes, gateways and the history", async (t) => {
  const store = storeOf(t, accessTo(server, { username: "gate", password: "gatepass" }));
  const { hash } = await twoRows(store);
  const health = { kind: "redis", place: store.place, state: "ok", since: "" } as const;
  await store.reportGateway({ name: "gw1", revision: 1, hash, endpoints: 2, health, at: new Date().toISOString() });
  t.match(await store.gateways(), [{ name: "gw1", live: true }]);
  await store.dismissGateway("gw1");
  t.match(await store.verifyHistory(), { newest: 1, faults: [] });
  t.match(await store.health(), { state: "ok" });
  const followed = new Promise((resolve) => store.watch(resolve, (error) => t.fail(error.message)));
  await storeOf(t, accessTo(server, { password: "s3cret" })).undo(1, { name: "bob", source: "cli" });
  t.match(await followed, { revision: 2 });
});

await t.test("a changed password is taken from its file at the next connection", async (t) => {
  const passwordFile = file("secret", "old\n");
  await admin.call("ACL", "SETUSER", "gate", "resetpass", ">old");
  const store = storeOf(t, accessTo(server, { username: "gate", passwordFile }));
  await store.load();
  file("secret", "new\n");
  await admin.call("ACL", "SETUSER", "gate", "resetpass", ">new");
  await admin.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
  // The loss of the old connection shows first.
  t.ok(await eventually("a connection with the new password", () => twoRows(store)));
});

await t.test("TLS with the certificate's own authority", async (t) => {
  const tls = { ...own, servername: "redis.contoso.com" };
  t.match(await twoRows(storeOf(t, accessTo(server, overTls(tls)))), { revision: 1 });
});
