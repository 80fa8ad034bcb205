import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import t, { type Test } from "tap";
import { loadConfig } from "../../src/config/load.ts";
import { startGateway } from "../../src/daemon.ts";
import { DemoStage, POOL_NAME, type StageOptions } from "../../src/demo/run.ts";
import { CHANNEL_ADDRESS } from "../../src/demo/sample-pool.ts";
import { createLog } from "../../src/observe/log.ts";
import { udpEnvironment } from "../support/udp-form.ts";

const LEGACY = "sip:ocschat@contoso.com";

interface Row {
  readonly sipAddress: string;
  readonly poolFqdn: string;
  readonly [setting: string]: unknown;
}

/** Rows for the look-up and the channel address, with settings of one's own. */
function rows(settings: Record<string, unknown> = {}): Row[] {
  return [LEGACY, CHANNEL_ADDRESS].map((sipAddress) => ({ sipAddress, poolFqdn: POOL_NAME, ...settings }));
}

/** The samples with a complete gateway between them: configuration file, endpoint file, engine. */
async function chain(t: Test, endpoints: readonly Row[], options: StageOptions = {}, host = "127.0.0.1") {
  const free = { address: host, port: 0 };
  const stage = await DemoStage.start({ pool: free, frontEnd: free, ...options });
  t.teardown(() => stage.close());
  const folder = t.testdir({});
  const config = {
    listen: [{ transport: "tcp", host, port: 0 }],
    store: { kind: "file", path: "endpoints.json" },
    resolve: { hosts: stage.resolveHosts },
  };
  await writeFile(join(folder, "waypost.yaml"), JSON.stringify(config));
  await writeFile(join(folder, "endpoints.json"), JSON.stringify({ endpoints }));
  const loaded = loadConfig({ file: join(folder, "waypost.yaml"), env: udpEnvironment, cwd: folder });
  const gateway = await startGateway(loaded, createLog("silent"));
  t.teardown(() => gateway.stop());
  const listener = gateway.listeners[0]!;
  return { stage, gateway: { address: listener.address, port: listener.port } };
}

/** Short where a timeout is what is tested, yet long enough for a slow machine's other steps. */
const SOON = 2000;

t.test("look-up, channel and chat go through Waypost in proxy mode, and no rule of the wire is broken", async (t) => {
  const { stage, gateway } = await chain(t, rows());
  const result = await stage.run({ gateway });
  t.strictSame(result.broken, []);
  t.equal(result.failed, undefined);
  t.equal(result.ok, true);
});

t.test("each message between front end and pool is seen on both sides of Waypost", async (t) => {
  const { stage, gateway } = await chain(t, rows());
  const { ladder } = await stage.run({ gateway });
  const hop = (from: string, to: string) =>
    ladder.rungs
      .filter((rung) => rung.from === from && rung.to === to && rung.status !== 100)
      .map((rung) => rung.summary);
  t.strictSame(hop("front end", "Waypost").toSorted(), hop("Waypost", "pool").toSorted());
  t.strictSame(hop("pool", "Waypost").toSorted(), hop("Waypost", "front end").toSorted());
  t.strictSame(hop("front end", "pool"), []);
});

t.test(
  "the user part may be dialled in capitals, as Microsoft's clients do, and the client gets it back so",
  async (t) => {
    const { stage, gateway } = await chain(t, rows());
    const result = await stage.run({ gateway, legacyAddress: "sip:OCSChat@contoso.com" });
    t.strictSame([result.failed, result.broken], [undefined, []]);
  },
);

t.test("with requestUri: pool the Request-URI names the pool, and the client notices nothing", async (t) => {
  const { stage, gateway } = await chain(t, rows({ requestUri: "pool" }));
  const result = await stage.run({ gateway });
  t.strictSame([result.failed, result.broken], [undefined, []]);
});

t.test("the whole chain over IPv6", async (t) => {
  const { stage, gateway } = await chain(t, rows(), {}, "::1");
  const result = await stage.run({ gateway });
  t.strictSame([result.failed, result.broken], [undefined, []]);
});

t.test("twenty sessions at once through one gateway", async (t) => {
  const { stage, gateway } = await chain(t, rows());
  const results = await Promise.all(Array.from({ length: 20 }, () => stage.run({ gateway, stepTimeout: 60_000 })));
  t.strictSame(
    results.flatMap(({ failed, broken }) => [...(failed === undefined ? [] : [failed]), ...broken]),
    [],
  );
  t.equal(stage.pool.stats.dialogs, 0);
});

for (const redirectStatus of [302, 303]) {
  t.test(`redirect mode, ${redirectStatus}: a front end that recurses leads the client to its pool`, async (t) => {
    const { stage, gateway } = await chain(t, rows({ mode: "redirect", redirectStatus }), { recurse3xx: true });
    const result = await stage.run({ gateway });
    t.strictSame([result.failed, result.broken], [undefined, []]);
    t.equal(stage.frontEnd.stats.recursed, 2);
    t.equal(result.ladder.rungs.filter(({ from, to }) => from === "Waypost" && to === "pool").length, 0);
  });

  t.test(`redirect mode, ${redirectStatus}: a front end that hands it to the client fails the look-up`, async (t) => {
    const { stage, gateway } = await chain(t, rows({ mode: "redirect", redirectStatus }));
    const result = await stage.run({ gateway });
    t.equal(result.failed?.id, "lookUp");
    t.match(result.failed?.detail, new RegExp(`"${redirectStatus} .*do not follow a redirect`));
  });
}

t.test("failures name the step", async (t) => {
  t.test("no endpoint for the legacy address: lookUp, 404 with the reason", async (t) => {
    const { stage, gateway } = await chain(t, rows().slice(1));
    const { failed, broken } = await stage.run({ gateway });
    t.equal(failed?.id, "lookUp");
    t.match(failed?.detail, /"404 .*\(.+\)"/, "ms-diagnostics or Warning tells why");
    t.strictSame(broken, []);
  });

  t.test("no endpoint for the channel address: channel, 404", async (t) => {
    const { stage, gateway } = await chain(t, rows().slice(0, 1));
    const { failed } = await stage.run({ gateway });
    t.equal(failed?.id, "channel");
    t.match(failed?.detail, /"404 /);
  });

  t.test("a disabled endpoint: lookUp", async (t) => {
    const { stage, gateway } = await chain(t, rows({ enabled: false }));
    t.equal((await stage.run({ gateway })).failed?.id, "lookUp");
  });

  t.test("a pool that answers 503: lookUp, and the client does not see a 503 (§16.7 step 6)", async (t) => {
    const { stage, gateway } = await chain(t, rows(), { misbehave: { invite: 503 } });
    const { failed, broken } = await stage.run({ gateway });
    t.equal(failed?.id, "lookUp");
    t.match(failed?.detail, /"5\d\d /);
    t.notMatch(failed?.detail, /"503 /);
    t.strictSame(broken, []);
  });

  t.test("a pool that says nothing: lookUp, after the 100 (Trying)", async (t) => {
    const { stage, gateway } = await chain(t, rows(), { misbehave: { invite: "silent" } });
    const { failed, broken } = await stage.run({ gateway, stepTimeout: SOON });
    t.equal(failed?.id, "lookUp");
    t.match(failed?.detail, /no final answer to INVITE .* after "100 Trying"/);
    t.strictSame(broken, []);
  });

  t.test("a pool that closes the connection: lookUp, with an answer", async (t) => {
    const { stage, gateway } = await chain(t, rows(), { misbehave: { invite: "close" } });
    const { failed, broken } = await stage.run({ gateway });
    t.equal(failed?.id, "lookUp");
    t.match(failed?.detail, /was answered "[45]\d\d /);
    t.strictSame(broken, []);
  });

  t.test("no pool at all: lookUp, with an answer", async (t) => {
    const { stage, gateway } = await chain(t, rows());
    await stage.pool.close();
    const { failed } = await stage.run({ gateway });
    t.equal(failed?.id, "lookUp");
    t.match(failed?.detail, /was answered "[45]\d\d /);
  });

  t.test("no gateway: lookUp, 504 of the front end", async (t) => {
    const stage = await DemoStage.start({
      pool: { address: "127.0.0.1", port: 0 },
      frontEnd: { address: "127.0.0.1", port: 0 },
    });
    t.teardown(() => stage.close());
    const gone = stage.pool.address;
    await stage.pool.close();
    const { failed } = await stage.run({ gateway: gone });
    t.equal(failed?.id, "lookUp");
    t.match(failed?.detail, /"504 Server Time-out/);
  });

  t.test("a user without rights: learn", async (t) => {
    const { stage, gateway } = await chain(t, rows(), { misbehave: { lookUp: "bye" } });
    const { failed, broken } = await stage.run({ gateway });
    t.equal(failed?.id, "learn");
    t.strictSame(broken, []);
  });
});

t.test("a pool that lost its dialogs answers 481, and the client looks up again by itself", async (t) => {
  const { stage, gateway } = await chain(t, rows());
  let lost = false;
  const result = await stage.run({
    gateway,
    print: (line) => {
      if (lost || !line.includes("invitations")) return;
      lost = true;
      stage.pool.forget();
    },
  });
  t.strictSame([result.failed, result.broken], [undefined, []]);
  t.equal(result.steps.filter(({ id }) => id === "lookUp").length, 2);
});

t.test(
  "a pool that dies under a dialog: Waypost answers 481, never 5xx, so that the client looks up again",
  async (t) => {
    const { stage, gateway } = await chain(t, rows());
    let dead: Promise<void> | undefined;
    const result = await stage.run({
      gateway,
      stepTimeout: 30_000,
      print: (line) => {
        if (line.includes("invitations")) dead ??= stage.pool.close();
      },
    });
    await dead;
    t.match(
      result.steps.slice(-2).map(({ id, outcome }) => [id, outcome]),
      [
        ["join", "lost"],
        ["lookUp", "failed"],
      ],
    );
  },
);
