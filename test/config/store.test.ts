import { join } from "node:path";
import t, { type Test } from "tap";
import { loadConfig } from "../../src/config/load.ts";
import { placeOf } from "../../src/endpoints/redis/access.ts";

const LISTEN = "listen: [{ transport: udp, host: 127.0.0.1, port: 0 }]\n";

function load(t: Test, store: string, env: NodeJS.ProcessEnv = {}) {
  const folder = t.testdir({ "waypost.yaml": `${LISTEN}store: ${store}\n`, "secret.txt": "s3cret\n", "ca.pem": "x" });
  return { folder, config: loadConfig({ file: join(folder, "waypost.yaml"), env, cwd: folder }) };
}

function refusal(t: Test, store: string): string[] {
  try {
    load(t, store);
  } catch (error) {
    return (error as Error).message.split("\n").map((line) => line.replace(/^.*waypost\.yaml:/, ""));
  }
  return [];
}

t.test("one Redis is named by a URL, with user, password and database", async (t) => {
  const { config, folder } = load(
    t,
    "{ kind: redis, url: 'redis://gate:p%40ss@redis01.contoso.com:6380/2', history: 100 }",
  );
  t.same(config.store, {
    kind: "redis",
    access: {
      server: { kind: "standalone", node: { host: "redis01.contoso.com", port: 6380 }, db: 2 },
      username: "gate",
      password: "p@ss",
      prefix: "waypost",
    },
    history: 100,
    copy: join(folder, "endpoints.last-good"),
  });
});

t.test("rediss:// is TLS, and paths count from the configuration's folder", async (t) => {
  const { config, folder } = load(
    t,
    "{ kind: redis, url: 'rediss://[::1]', passwordFile: secret.txt, tls: { ca: ca.pem }, prefix: chat, copy: /var/copy }",
  );
  t.match(config.store, {
    access: {
      server: { node: { host: "::1", port: 6379 }, db: 0 },
      passwordFile: join(folder, "secret.txt"),
      tls: { ca: join(folder, "ca.pem") },
      prefix: "chat",
    },
    history: 5000,
    copy: "/var/copy",
  });
});

t.test("Sentinels know the primary by a name; a Cluster is known by some of its nodes", async (t) => {
  const sentinel = load(
    t,
    "{ kind: redis, sentinels: [s1.contoso.com, 's2.contoso.com:5000'], primary: chat, sentinelPassword: x }",
  );
  t.match(sentinel.config.store, {
    access: {
      server: {
        kind: "sentinel",
        name: "chat",
        password: "x",
        nodes: [
          { host: "s1.contoso.com", port: 26379 },
          { host: "s2.contoso.com", port: 5000 },
        ],
      },
    },
  });
  const cluster = load(t, "{ kind: redis, cluster: ['10.0.0.1:7000', 10.0.0.2] }");
  t.match(cluster.config.store, { access: { server: { kind: "cluster", nodes: [{ port: 7000 }, { port: 6379 }] } } });
});

t.test("a setting can come from the environment, such as a password", async (t) => {
  const { config } = load(t, "{ kind: redis, url: 'redis://redis01' }", { WAYPOST_STORE__PASSWORD: "hidden" });
  t.match(config.store, { access: { password: "hidden" } });
});

t.test("the place that people are shown holds no password", async (t) => {
  const { config } = load(t, "{ kind: redis, url: 'redis://gate:secret@redis01.contoso.com' }");
  t.equal(
    config.store.kind === "redis" && placeOf(config.store.access),
    "redis://redis01.contoso.com:6379/0 (waypost)",
  );
});

const REFUSED: readonly (readonly [name: string, store: string, line: RegExp])[] = [
  ["a Redis setting for a file", "{ url: 'redis://redis01' }", /^2:10: store.url belongs to a store of kind redis$/],
  [
    "a path for Redis",
    "{ kind: redis, url: 'redis://redis01', path: x }",
    /store.path belongs to a store of kind file$/,
  ],
  ["Redis without a place", "{ kind: redis }", /^2:8: a store of kind redis needs one of url, sentinels and cluster$/],
  ["two places", "{ kind: redis, url: 'redis://a', cluster: [b] }", /needs one of url, sentinels and cluster$/],
  ["Sentinels without a name", "{ kind: redis, sentinels: [a] }", /store.sentinels needs store.primary/],
  [
    "a URL of something else",
    "{ kind: redis, url: 'http://secret@a' }",
    /^2:\d+: store.url is no Redis URL, such as .* for TLS$/,
  ],
  ["a database with a name", "{ kind: redis, url: 'redis://a/b' }", /store.url must end in the number of a database/],
  ["a Cluster with a database", "{ kind: redis, cluster: [a], db: 1 }", /a Cluster has only the database 0$/],
  [
    "a missing password file",
    "{ kind: redis, url: 'redis://a', passwordFile: no.txt }",
    /store.passwordFile no.txt does not exist$/,
  ],
  ["a missing CA", "{ kind: redis, url: 'rediss://a', tls: { ca: no.pem } }", /store.tls.ca no.pem does not exist$/],
  [
    "braces in the prefix",
    "{ kind: redis, url: 'redis://a', prefix: '{x}' }",
    /store.prefix must be a word without braces and blanks/,
  ],
  [
    "too short a history",
    "{ history: 1 }",
    /store.history must be a whole number of changes from 10 to 1000000, not 1$/,
  ],
  ["two passwords", "{ kind: redis, url: 'redis://a', password: x, passwordFile: secret.txt }", /exclude each other$/],
];

t.test("a wrong store is refused with its place in the file", async (t) => {
  for (const [name, store, line] of REFUSED) {
    t.match(refusal(t, store), [line], name);
  }
});
