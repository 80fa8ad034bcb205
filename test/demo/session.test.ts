import t, { type Test } from "tap";
import { DemoStage, runDemo } from "../../src/demo/run.ts";
import type { Misbehaviour } from "../../src/demo/sample-pool.ts";
import { STEPS } from "../../src/demo/steps.ts";

const anywhere = { address: "127.0.0.1", port: 0 };

/** A session with the front end routing straight to the pool. */
async function directly(t: Test, misbehave: Misbehaviour, stepTimeout = 10_000) {
  const stage = await DemoStage.start({ frontEnd: anywhere, pool: anywhere, misbehave });
  t.teardown(() => stage.close());
  return { stage, result: await stage.run({ gateway: stage.pool.address, stepTimeout }) };
}

t.test("a legacy client looks up the channel address, joins, chats and signs out", async (t) => {
  const { stage, result } = await directly(t, {});
  t.strictSame(result.broken, []);
  t.equal(result.ok, true);
  t.strictSame(
    result.steps.map(({ id, outcome }) => [id, outcome]),
    Object.keys(STEPS).map((id) => [id, "done"]),
  );
  t.match(stage.pool.stats, { invites: 2, lookUps: 1, chatLines: 1, dialogs: 0 });
  t.equal(stage.frontEnd.stats.registered, 0);
});

t.test("a line of chat comes back byte for byte, beyond ASCII and with XML's own characters", async (t) => {
  const stage = await DemoStage.start({ frontEnd: anywhere, pool: anywhere });
  t.teardown(() => stage.close());
  const line = 'Grüße & <küsse> "日本" 👋';
  const { ok, steps } = await stage.run({ gateway: stage.pool.address, line });
  t.equal(ok, true);
  t.equal(steps.find(({ id }) => id === "chat")?.detail, `"${line}"`);
});

t.test("several clients share one pool and one front end", async (t) => {
  const stage = await DemoStage.start({ frontEnd: anywhere, pool: anywhere });
  t.teardown(() => stage.close());
  const results = await Promise.all([1, 2, 3].map(() => stage.run({ gateway: stage.pool.address })));
  t.strictSame(
    results.map(({ failed }) => failed?.detail),
    [undefined, undefined, undefined],
  );
});

t.test("the steps are printed as lines, and the failing one says so", async (t) => {
  const lines: string[] = [];
  const stage = await DemoStage.start({ frontEnd: anywhere, pool: anywhere, misbehave: { invite: 486 } });
  t.teardown(() => stage.close());
  await stage.run({ gateway: stage.pool.address, print: (line) => lines.push(line) });
  t.match(lines[0], /^ok {5}connect to the home front end \(\d+ ms\)$/);
  t.match(lines.at(-1), /^FAILED open the look-up dialog \(INVITE\): .*"486 Refused By Sample Pool"/);
});

t.test("the demo takes down what it brought up: its ports are free again", async (t) => {
  const first = await DemoStage.start({ frontEnd: anywhere, pool: anywhere });
  const at = { frontEnd: first.frontEnd.address, pool: first.pool.address };
  await first.close();
  const result = await runDemo({ ...at, gateway: at.pool });
  t.equal(result.ok, true);
  const again = await DemoStage.start(at);
  await again.close();
});

t.test("a taken port is an error, and nothing stays behind", async (t) => {
  const first = await DemoStage.start({ frontEnd: anywhere, pool: anywhere });
  t.teardown(() => first.close());
  await t.rejects(DemoStage.start({ frontEnd: first.frontEnd.address, pool: anywhere }), { code: "EADDRINUSE" });
});

/** Short where the timeout is what is tested, yet long enough for a slow machine's other steps. */
const SOON = 1500;
const failures: ReadonlyArray<[string, Misbehaviour, string, RegExp, number?]> = [
  ["a pool that answers 503", { invite: 503 }, "lookUp", /"503 Service Unavailable"/],
  ["a pool that says nothing", { invite: "silent" }, "lookUp", /no final answer to INVITE .* after "100 Trying"/, SOON],
  ["a pool that closes the connection", { invite: "close" }, "lookUp", /"504 Server Time-out/],
  ["a pool that leaves the INFO unanswered", { lookUp: "silent" }, "ask", /no final answer to INFO cmd:requri/, SOON],
  ["a pool that refuses the INFO", { lookUp: 500 }, "ask", /UPDATE without end/],
  ["a user without rights, who gets a BYE instead of a reply", { lookUp: "bye" }, "learn", /ended the dialog \(BYE\)/],
];
for (const [name, misbehave, step, why, timeout] of failures) {
  t.test(`${name}: the demo names the step "${step}"`, async (t) => {
    const { result } = await directly(t, misbehave, timeout);
    t.equal(result.ok, false);
    t.equal(result.failed?.id, step);
    t.match(result.failed?.detail, why);
  });
}

t.test("a pool that answers slowly is no failure", async (t) => {
  const { result } = await directly(t, { delay: 20 });
  t.equal(result.ok, true);
});

t.test("a pool that was restarted answers 481, and the client looks up again by itself", async (t) => {
  const stage = await DemoStage.start({ frontEnd: anywhere, pool: anywhere });
  t.teardown(() => stage.close());
  let restarted = false;
  const result = await stage.run({
    gateway: stage.pool.address,
    print: (line) => {
      if (restarted || !/invitations/.test(line)) return;
      restarted = true;
      stage.pool.forget();
    },
  });
  t.equal(result.ok, true);
  t.match(
    result.steps.filter(({ outcome }) => outcome === "lost").map(({ id }) => id),
    ["join"],
  );
  t.equal(result.steps.filter(({ id }) => id === "lookUp").length, 2);
});

t.test("the same over IPv6", async (t) => {
  const v6 = { address: "::1", port: 0 };
  const stage = await DemoStage.start({ frontEnd: v6, pool: v6 });
  t.teardown(() => stage.close());
  const { ok, failed } = await stage.run({ gateway: stage.pool.address });
  t.equal(failed, undefined);
  t.equal(ok, true);
});
