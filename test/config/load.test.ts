import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import t, { type Test } from "tap";
import { loadConfig } from "../../src/config/load.ts";

const LISTEN = "listen: [{ transport: udp, host: 127.0.0.1, port: 5060 }]\n";

function load(t: Test, text: string, env: NodeJS.ProcessEnv = {}) {
  const folder = t.testdir({ "waypost.yaml": text });
  return loadConfig({ file: join(folder, "waypost.yaml"), env, cwd: folder });
}

/** The lines of a refusal, the file's name taken off. */
function refusal(t: Test, text: string, env: NodeJS.ProcessEnv = {}): string[] {
  const folder = t.testdir({ "waypost.yaml": text });
  const file = join(folder, "waypost.yaml");
  try {
    loadConfig({ file, env, cwd: folder });
  } catch (error) {
    t.equal((error as { code?: string }).code, "CONFIG_INVALID");
    return (error as Error).message.split("\n").map((line) => line.replace(`${file}:`, ""));
  }
  t.fail("the configuration was accepted");
  return [];
}

t.test("every key of the configuration is read", async (t) => {
  const config = load(
    t,
    `listen:
  - { transport: udp, host: 127.0.0.1, port: 5060, advertise: gw.contoso.com }
  - { transport: tcp, host: "[::1]", port: 0, advertise: "[2001:db8::1]:5070" }
engine: embedded
store: { kind: file, path: table/endpoints.json }
resolve:
  hosts:
    PCPool.contoso.com: ["tcp:127.0.0.1:5090", "udp:[::1]:5091"]
  servers: ["192.0.2.53", "[2001:db8::53]:5353"]
defaultRoute: { proxy: "sip:fe01.contoso.com:5061;transport=tls" }
admin: { host: 127.0.0.1, port: 8060 }
log: { level: debug }
limits:
  { maxConnections: 10, maxMessageBytes: 4096, maxUdpRequestBytes: 1400, idleSeconds: 60, messageSeconds: 5,
    messagesPerSecond: 100, connectionsPerSource: 4, banAfter: 3, banSeconds: 20, maxTransactions: 1000,
    newPerSecond: 50, overloadDelayMs: 200 }
drain: { seconds: 7, replacedSeconds: 8 }
workers: 3
timers: { connectMs: 100, firstResponseMs: 200, inDialogResponseMs: 300, ringingMs: 4000 }
failover: { holdSeconds: 1, maxHoldSeconds: 10, maxRetryAfterSeconds: 20 }
probe: { intervalSeconds: 5, downAfter: 1 }
`,
  );
  t.same(config.listen, [
    { transport: "udp", host: "127.0.0.1", port: 5060, advertise: { host: "gw.contoso.com" } },
    { transport: "tcp", host: "::1", port: 0, advertise: { host: "2001:db8::1", port: 5070 } },
  ]);
  t.same(
    [...config.resolve.hosts],
    [
      [
        "pcpool.contoso.com",
        [
          { transport: "tcp", address: "127.0.0.1", port: 5090, host: "pcpool.contoso.com" },
          { transport: "udp", address: "::1", port: 5091, host: "pcpool.contoso.com" },
        ],
      ],
    ],
  );
  t.same(config.resolve.servers, [{ host: "192.0.2.53" }, { host: "2001:db8::53", port: 5353 }]);
  t.same(config.defaultRoute, { proxy: "sip:fe01.contoso.com:5061;transport=tls" });
  t.same(config.log, { level: "debug" });
  t.same(config.limits, {
    maxConnections: 10,
    maxMessageBytes: 4096,
    maxUdpRequestBytes: 1400,
    idleSeconds: 60,
    messageSeconds: 5,
    messagesPerSecond: 100,
    connectionsPerSource: 4,
    banAfter: 3,
    banSeconds: 20,
    maxTransactions: 1000,
    newPerSecond: 50,
    overloadDelayMs: 200,
  });
  t.same([config.drain, config.workers], [{ seconds: 7, replacedSeconds: 8 }, 3]);
  t.same(config.timers, { connectMs: 100, firstResponseMs: 200, inDialogResponseMs: 300, ringingMs: 4000 });
  t.same(config.failover, { holdSeconds: 1, maxHoldSeconds: 10, maxRetryAfterSeconds: 20 });
  t.same(config.probe, { intervalSeconds: 5, timeoutMs: 1500, downAfter: 1, upAfter: 2 });
});

t.test("only the listeners are required; everything else has a default", async (t) => {
  const { file, isSample: _isSample, store: _store, routeKeys, ...rest } = load(t, LISTEN);
  t.equal(routeKeys, join(dirname(file), "waypost.keys"));
  t.same(rest, {
    listen: [{ transport: "udp", host: "127.0.0.1", port: 5060 }],
    tls: { verify: "full", legacyHosts: [] },
    udp: "auto",
    engine: "embedded",
    resolve: { hosts: new Map(), servers: [] },
    defaultRoute: "reject",
    log: { level: "info" },
    edit: { probePool: true, probeSeconds: 3 },
    limits: {
      maxConnections: 20000,
      maxMessageBytes: 262144,
      maxUdpRequestBytes: 1300,
      idleSeconds: 900,
      messageSeconds: 30,
      messagesPerSecond: 2000,
      connectionsPerSource: 1000,
      banAfter: 10,
      banSeconds: 300,
      maxTransactions: 500_000,
      newPerSecond: 0,
      overloadDelayMs: 400,
    },
    drain: { seconds: 30, replacedSeconds: 300 },
    workers: 1,
    timers: { connectMs: 2000, firstResponseMs: 4000, inDialogResponseMs: 10000, ringingMs: 181000 },
    failover: { holdSeconds: 2, maxHoldSeconds: 60, maxRetryAfterSeconds: 300 },
  });
});

t.test("a path counts from the configuration file's folder, wherever the command runs", async (t) => {
  const folder = t.testdir({ "waypost.yaml": `${LISTEN}store: { kind: file, path: table/endpoints.json }` });
  const config = loadConfig({ file: join(folder, "waypost.yaml"), env: {}, cwd: "/" });
  t.match(config.store, { kind: "file", path: join(folder, "table/endpoints.json") });
});

t.test("the configuration cannot be changed afterwards", async (t) => {
  const config = load(t, LISTEN) as unknown as { log: { level: string }; listen: { port: number }[] };
  t.throws(() => {
    config.log.level = "debug";
  }, TypeError);
  t.throws(() => {
    config.listen[0]!.port = 1;
  }, TypeError);
});

t.test("--config stands above WAYPOST_CONFIG, and that above config/waypost.yaml", async (t) => {
  const folder = t.testdir({ config: { "waypost.yaml": LISTEN }, "a.yaml": LISTEN, "b.yaml": LISTEN });
  const env = { WAYPOST_CONFIG: "b.yaml" };
  t.equal(loadConfig({ file: "a.yaml", env, cwd: folder }).file, join(folder, "a.yaml"));
  t.equal(loadConfig({ env, cwd: folder }).file, join(folder, "b.yaml"));
  t.equal(loadConfig({ env: {}, cwd: folder }).file, join(folder, "config/waypost.yaml"));
});

t.test("where there is no configuration, the commented default of the package serves", async (t) => {
  const folder = t.testdir();
  mkdirSync(join(folder, "elsewhere"));
  const config = loadConfig({ env: {}, cwd: join(folder, "elsewhere") });
  t.match(config.file, /config\/waypost\.yaml$/);
  t.match(config.listen, [
    { transport: "udp", host: "127.0.0.1", port: 5060 },
    { transport: "tcp", host: "127.0.0.1", port: 5060 },
  ]);
});

t.test("a named file that does not exist is an error, never replaced by the default", async (t) => {
  const folder = t.testdir({ config: { "waypost.yaml": LISTEN } });
  for (const options of [{ file: "nope.yaml", env: {} }, { env: { WAYPOST_CONFIG: "nope.yaml" } }]) {
    t.throws(() => loadConfig({ ...options, cwd: folder }), {
      code: "CONFIG_NOT_FOUND",
      message: `cannot read the configuration ${join(folder, "nope.yaml")}: there is no such file`,
    });
  }
});

const REFUSED: readonly (readonly [name: string, text: string, lines: readonly string[]])[] = [
  ["an empty file", "", ["1:1: listen is missing; it must be a list of listeners"]],
  ["no listener", "listen: []\n", ["1:9: listen must be a list of at least one listener, not an empty list"]],
  ["an unknown key", `${LISTEN}lgo: {}\n`, ["2:1: unknown setting lgo; did you mean log?"]],
  ["an unknown key inside", `${LISTEN}log: { levle: info }\n`, ["2:8: unknown setting log.levle; did you mean level?"]],
  [
    "a key that resembles none",
    `${LISTEN}admin: { x: 1 }\n`,
    ["2:10: unknown setting admin.x; allowed are host, port, names, endpointSeries and callers"],
  ],
  [
    "a wrong word",
    `${LISTEN}log: { level: verbose }\n`,
    ['2:15: log.level must be trace, debug, info, warn, error, fatal or silent, not "verbose"'],
  ],
  [
    "a number as text",
    `${LISTEN}admin: { port: "x" }\n`,
    ['2:16: admin.port must be a whole number from 0 to 65535, not "x"'],
  ],
  ["a group that is none", `${LISTEN}admin: 3\n`, ["2:8: admin must be a group of settings, not a single value"]],
  [
    "a host name to listen on",
    "listen: [{ transport: udp, host: localhost, port: 5060 }]\n",
    ['1:34: "localhost" is no IP address; a listener is bound to one, such as 127.0.0.1 or 0.0.0.0'],
  ],
  [
    "an advertised name that is none",
    "listen: [{ transport: udp, host: 127.0.0.1, port: 5060, advertise: gw_x }]\n",
    ['1:68: "gw_x" contains "_"; only letters, digits, hyphens and dots are allowed'],
  ],
  [
    "an advertised port that is none",
    'listen: [{ transport: udp, host: 127.0.0.1, port: 5060, advertise: "gw:0" }]\n',
    ['1:68: "gw:0" has the port "0"; a port is a whole number from 1 to 65535'],
  ],
  [
    "a listener twice",
    "listen:\n  - { transport: udp, host: 127.0.0.1, port: 5060 }\n  - { transport: udp, host: 127.0.0.1, port: 5060 }\n",
    ["3:5: listener udp 127.0.0.1:5060 stands here twice"],
  ],
  [
    "a static target without port",
    `${LISTEN}resolve: { hosts: { a.b: ["tcp:127.0.0.1"] } }\n`,
    ['2:27: "tcp:127.0.0.1" has no port'],
  ],
  [
    "a static target that is a name",
    `${LISTEN}resolve: { hosts: { a.b: ["tcp:fe01:5060"] } }\n`,
    ['2:27: "tcp:fe01:5060" contains "fe01", which is no IP address'],
  ],
  [
    "a static target without transport",
    `${LISTEN}resolve: { hosts: { a.b: ["127.0.0.1:5060"] } }\n`,
    [
      '2:27: "127.0.0.1:5060" must have the form transport:ip:port, such as tcp:192.0.2.10:5060 or udp:[2001:db8::10]:5060',
    ],
  ],
  [
    "a static host without targets",
    `${LISTEN}resolve: { hosts: { a.b: [] } }\n`,
    ['2:26: resolve.hosts["a.b"] must be a list of targets such as ["tcp:192.0.2.10:5060"], not an empty list'],
  ],
  [
    "a static host twice",
    `${LISTEN}resolve: { hosts: { a.b: ["tcp:127.0.0.1:1"], A.B: ["tcp:127.0.0.1:1"] } }\n`,
    ['2:52: host name "A.B" stands here twice'],
  ],
  [
    "a DNS server that is a name",
    `${LISTEN}resolve: { servers: [ns1] }\n`,
    ['2:22: "ns1" is no IP address with or without a port, such as 192.0.2.53 or [2001:db8::53]:53'],
  ],
  [
    "a wrong default route",
    `${LISTEN}defaultRoute: drop\n`,
    ['2:15: defaultRoute must be reject or { proxy: "sip:…" }, not "drop"'],
  ],
  [
    "a default route that is no SIP URI",
    `${LISTEN}defaultRoute: { proxy: "tel:+1555" }\n`,
    ['2:24: "tel:+1555" is no SIP URI (RFC 3261 §25.1), such as sip:fe01.contoso.com:5061;transport=tls'],
  ],
  [
    "a default route back to the gateway",
    `${LISTEN}defaultRoute: { proxy: "sip:127.0.0.1" }\n`,
    ["2:24: defaultRoute.proxy sip:127.0.0.1 is this gateway itself; calls would go in circles"],
  ],
  [
    "what cannot be dialled",
    `${LISTEN}resolve: { hosts: { a.b: ["ws:127.0.0.1:1"] } }\n`,
    ['2:27: "ws:127.0.0.1:1" cannot be dialled: WebSocket is for clients that come to us'],
  ],
  ["a key twice", `${LISTEN}log: {}\nlog: {}\n`, ["3:1: Map keys must be unique"]],
  [
    "several faults at once, in their order",
    "listen: [{ transport: upd, host: 127.0.0.1, port: 99999 }]\nengin: embedded\nlog: { level: 3 }\n",
    [
      '1:23: listen[0].transport must be udp, tcp, tls, ws or wss, not "upd"; did you mean udp?',
      "1:51: listen[0].port must be a whole number from 0 to 65535, not 99999",
      "2:1: unknown setting engin; did you mean engine?",
      "3:15: log.level must be trace, debug, info, warn, error, fatal or silent, not 3",
    ],
  ],
];

t.test("a wrong configuration is refused with line, column, what is wrong and what is allowed", async (t) => {
  for (const [name, text, lines] of REFUSED) {
    t.same(refusal(t, text), lines, name);
  }
});

t.test("a YAML error is refused with its place", async (t) => {
  t.match(refusal(t, "listen: [\nlog: }"), [/^\d+:\d+: /]);
});

t.test("an environment variable stands above the file", async (t) => {
  const config = load(t, `${LISTEN}log: { level: info }\nadmin: { port: 1 }\n`, {
    WAYPOST_LOG__LEVEL: "debug",
    WAYPOST_ADMIN__PORT: "9060",
  });
  t.equal(config.log.level, "debug");
  t.match(config.admin, { host: "127.0.0.1", port: 9060 });
});

t.test("a variable may hold a list or a group, as YAML or JSON", async (t) => {
  const config = load(t, LISTEN, {
    WAYPOST_LISTEN: '[{"transport":"tcp","host":"127.0.0.1","port":5070}]',
    WAYPOST_RESOLVE__HOSTS: 'pcpool.contoso.com: ["tcp:127.0.0.1:5090"]',
  });
  t.same(config.listen, [{ transport: "tcp", host: "127.0.0.1", port: 5070 }]);
  t.same([...config.resolve.hosts.keys()], ["pcpool.contoso.com"]);
});

t.test("an inner variable stands above an outer one", async (t) => {
  const config = load(t, LISTEN, { WAYPOST_ADMIN__PORT: "2", WAYPOST_ADMIN: "{ host: 127.0.0.2, port: 1 }" });
  t.match(config.admin, { host: "127.0.0.2", port: 2 });
});

t.test("a setting of two words may be written with an underscore or without", async (t) => {
  for (const name of ["WAYPOST_DEFAULTROUTE", "WAYPOST_DEFAULT_ROUTE"]) {
    const config = load(t, LISTEN, { [name]: '{ proxy: "sip:fe01.contoso.com" }' });
    t.same(config.defaultRoute, { proxy: "sip:fe01.contoso.com" });
  }
});

t.test("a wrong value from the environment is refused with the variable's name", async (t) => {
  t.same(refusal(t, LISTEN, { WAYPOST_LOG__LEVEL: "debgu", WAYPOST_LISTEN: "[{ transport: udp" }), [
    'WAYPOST_LOG__LEVEL: log.level must be trace, debug, info, warn, error, fatal or silent, not "debgu"; did you mean debug?',
    "WAYPOST_LISTEN: Flow map in block collection must be sufficiently indented and end with a }",
  ]);
});

t.test("no secret is shown where one is wrong, and one from the environment is taken as it stands", async (t) => {
  const wrong = refusal(t, `${LISTEN}store: { kind: redis, url: "redis://redis01:6379", password: 4711471147 }\n`, {});
  t.match(wrong, [/store\.password must be a text$/]);
  const half = refusal(t, `${LISTEN}store: { kind: redis, url: "redis://u:p%zz@redis01:6379" }\n`, {});
  t.match(half, [/store\.url has a % that stands for no character/]);
  t.notMatch(half.join(), /zz/);
  const { store } = load(t, `${LISTEN}store: { kind: redis, url: "redis://redis01:6379" }\n`, {
    WAYPOST_STORE__PASSWORD: "*S3cr3t #x",
  });
  t.match(store, { access: { password: "*S3cr3t #x" } });
});

t.test("no secret is shown by what YAML makes of its first character", async (t) => {
  for (const secret of [
    "*hunter2pw",
    "!hunter2pw",
    "|hunter2pw",
    ">hunter2pw",
    "&hunter2pw x: y",
    "@hunter2pw",
    "%hunter2pw",
  ]) {
    const lines = refusal(t, `${LISTEN}store: { kind: redis }\nregistrar:\n  password: ${secret}\n`);
    t.notMatch(lines.join(), /hunter/, secret);
    t.match(lines[0], /^\d+:\d+: \S/, `${secret}: its place is named`);
  }
  t.match(refusal(t, `${LISTEN}registrar: { password: *hunter2pw }\n`), [/^2:\d+: \* begins an alias.*in quotes$/]);
  const group = refusal(t, LISTEN, { WAYPOST_REGISTRAR: "{ password: *hunter2pw }" });
  t.match(group, [/^WAYPOST_REGISTRAR: \* begins an alias/]);
  t.notMatch(group.join(), /hunter/);
});

t.test("no secret is shown that stands in a wrong place", async (t) => {
  const wrong = (text: string, env: NodeJS.ProcessEnv = {}) => {
    const lines = refusal(t, `${LISTEN}${text}\n`, env).join("\n");
    t.notMatch(lines, /hunter|4711/, text);
    return lines;
  };
  t.match(wrong("registrar: hunter2pw"), /registrar must be a group of settings, not a single value$/);
  t.match(wrong("registrar: 4711"), /registrar must be a group of settings, not a single value$/);
  wrong("store: hunter2pw");
  wrong("store: { kind: redis, url: 4711 }");
  t.match(wrong('store: { kind: redis, sentinels: "redis://u:hunter2pw@h:1" }'), /not "redis:\/\/…@h:1"$/);
  wrong('store: { kind: redis, sentinels: ["redis://u:hunter2pw@h:1"] }');
  const url = wrong("store: { kind: redis }", { WAYPOST_STORE__URL: "*redis://u:hunter2pw@h/0" });
  t.match(url, /^WAYPOST_STORE__URL: store\.url is no Redis URL/);
});

t.test("a text from the environment is taken as it stands", async (t) => {
  const { store, routeKeys, log } = load(t, LISTEN, {
    WAYPOST_STORE__PATH: "/var/lib/team #1/endpoints.json",
    WAYPOST_ROUTEKEYS: "/keys: those",
    WAYPOST_LOG__LEVEL: "debug # while we look",
  });
  t.match(store, { path: "/var/lib/team #1/endpoints.json" });
  t.equal(routeKeys, "/keys: those");
  t.equal(log.level, "debug");
});

t.test(
  "what is not named is looked for in the folder, then on the machine; the sample comes last and is called so",
  async (t) => {
    const folder = t.testdir({ "system.yaml": LISTEN, here: { config: { "waypost.yaml": LISTEN } }, elsewhere: {} });
    const find = (cwd: string, system: string) => {
      const found = loadConfig({ env: {}, cwd: join(folder, cwd), system: join(folder, system) });
      return [found.file, found.isSample];
    };
    t.same(find("here", "system.yaml"), [join(folder, "here/config/waypost.yaml"), false]);
    t.same(find("elsewhere", "system.yaml"), [join(folder, "system.yaml"), false]);
    t.match(find("elsewhere", "gone.yaml"), [/\/config\/waypost\.yaml$/, true]);
  },
);

t.test("an unknown WAYPOST_ variable is refused with the nearest name", async (t) => {
  t.same(refusal(t, LISTEN, { WAYPOST_LOG_LEVEL: "debug", WAYPOST_ADMIN__PROT: "1", WAYPOST_CONFIGS: "x" }), [
    "WAYPOST_LOG_LEVEL: there is no such setting; did you mean WAYPOST_LOG__LEVEL?",
    "WAYPOST_ADMIN__PROT: there is no such setting; did you mean WAYPOST_ADMIN__PORT?",
    "WAYPOST_CONFIGS: there is no such setting; did you mean WAYPOST_CONFIG?",
  ]);
});

t.test("variables that a container platform sets for a service named waypost are no settings", async (t) => {
  const env = {
    WAYPOST_SERVICE_HOST: "10.0.0.1",
    WAYPOST_SERVICE_PORT_SIP: "5060",
    WAYPOST_PORT: "tcp://10.0.0.1:5060",
    WAYPOST_PORT_5060_TCP_ADDR: "10.0.0.1",
  };
  t.equal(load(t, LISTEN, env).log.level, "info");
});

t.test("an empty variable counts as not set", async (t) => {
  t.equal(load(t, LISTEN, { WAYPOST_LOG__LEVEL: "" }).log.level, "info");
});

t.test("a file that cannot be read as text of ours does no harm", async (t) => {
  const folder = t.testdir();
  writeFileSync(
    join(folder, "bomb.yaml"),
    `a: &a [${"x,".repeat(9)}x]\nb: &b [${"*a,".repeat(9)}*a]\nc: [${"*b,".repeat(9)}*b]\n`,
  );
  t.throws(() => loadConfig({ file: "bomb.yaml", env: {}, cwd: folder }), { code: "CONFIG_INVALID" });
});
