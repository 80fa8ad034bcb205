import t from "tap";
import { type Drain, drainPlace, parseDrainedPlace } from "../../src/drained-address.ts";
import { Health } from "../../src/locate/health.ts";
import type { HealthSettings, Outcome } from "../../src/locate/health-state.ts";
import type { Target } from "../../src/sip/flow.ts";

const [A, B, C] = ["10.1.2.1", "10.1.2.2", "10.1.2.3"].map(
  (address): Target => ({ transport: "tls", address, port: 5061, host: "pcpool.contoso.com" }),
) as [Target, Target, Target];
const ALL = [A, B, C];
const TIMEOUT: Outcome = { kind: "timeout" };
const REFUSED: Outcome = { kind: "transport", reason: "connection refused by 10.1.2.1:5061" };
const ANSWERED: Outcome = { kind: "answered" };

function unavailable(retryAfterSeconds?: number): Outcome {
  return { kind: "unavailable", retryAfterSeconds };
}

/** The order as the last numbers of the addresses: `123`. */
function order(health: Health, now: number, inDialog = false): string {
  return health
    .order(ALL, now, inDialog)
    .map(({ address }) => address.at(-1))
    .join("");
}

function sentenceOf(health: Health, now: number, target = A): string {
  const found = health.describe(now).find((report) => report.target.address === target.address);
  return found?.sentence ?? "not listed";
}

/** Health with probing of A: three failures take it down, two answers bring it back. */
function probed(settings: Partial<HealthSettings> = {}): {
  health: Health;
  probe(outcome: Outcome, now: number): boolean;
} {
  const health = new Health(settings);
  health.watch([A]);
  return {
    health,
    probe: (outcome, now) => health.probed(A, health.probeStarted(A, now + 10_000), outcome, now),
  };
}

t.test("an address that failed is tried last for two seconds, then one request tries it", async (t) => {
  const health = new Health();
  t.equal(order(health, 0), "123");
  health.report(A, REFUSED, 1000);
  t.equal(order(health, 1000), "231");
  t.equal(order(health, 2999), "231");
  t.equal(order(health, 3000), "123", "the one that finds out");
  t.equal(order(health, 3001), "231", "the others go on to where it works");
  health.report(A, ANSWERED, 3100);
  t.equal(order(health, 3100), "123");
});

t.test("a trial that nobody reports on does not last for ever", async (t) => {
  const health = new Health();
  health.report(A, REFUSED, 0);
  t.equal(order(health, 2000), "123");
  t.equal(order(health, 6999), "231");
  t.equal(order(health, 7000), "123");
});

t.test("only who would be tried first is put to the trial", async (t) => {
  const health = new Health();
  health.report(B, REFUSED, 0);
  t.equal(order(health, 2000), "123");
  t.equal(order(health, 2001), "123", "B kept its place, since it stands behind A");
});

t.test("the hold grows with each failed trial, to a minute at most, and an answer makes it short again", async (t) => {
  const health = new Health();
  let now = 0;
  const holds: number[] = [];
  for (let trial = 0; trial < 7; trial++) {
    health.report(A, TIMEOUT, now, now);
    let hold = 0;
    while (order(health, now + hold) === "231") hold += 1000;
    holds.push(hold / 1000);
    now += hold;
  }
  t.same(holds, [2, 4, 8, 16, 32, 60, 60]);
  health.report(A, ANSWERED, now);
  health.report(A, TIMEOUT, now + 1, now + 1);
  t.equal(order(health, now + 2001), "123");
});

t.test("many calls that fail of one cause make one hold, not many", async (t) => {
  const health = new Health();
  for (let call = 0; call < 800; call++) health.report(A, TIMEOUT, 4000 + call, call);
  t.equal(order(health, 6000), "123", "two seconds after the first");
  health.report(A, TIMEOUT, 6500, 2500);
  t.equal(
    sentenceOf(health, 6500).includes("being tried now"),
    true,
    "a call from before the hold does not end the trial",
  );
});

t.test("silence does not count against an address that has answered since", async (t) => {
  const health = new Health();
  health.report(A, ANSWERED, 3000, 2900);
  health.report(A, TIMEOUT, 4000, 0);
  t.equal(order(health, 4000), "123");
  health.report(A, REFUSED, 4000, 0);
  t.equal(order(health, 4000), "231", "a refusal is news");
});

t.test("a failure counts for one address with one transport, not for its name", async (t) => {
  const health = new Health();
  const overTcp: Target = { ...A, transport: "tcp", port: 5060 };
  health.report(A, REFUSED, 0);
  t.same(health.order([A, overTcp], 0), [overTcp, A]);
  const otherName = { ...A, host: "backup.contoso.com" };
  t.same(health.order([otherName, B], 0), [B, otherName]);
});

t.test("all in trouble are all tried, in their order", async (t) => {
  const health = new Health();
  for (const target of ALL) health.report(target, REFUSED, 0);
  t.equal(order(health, 0), "123");
});

t.test("Retry-After is followed (RFC 3261 §21.5.4), up to a cap, whatever is answered inside dialogs", async (t) => {
  const health = new Health();
  health.report(A, unavailable(30), 0);
  health.report(A, ANSWERED, 10_000);
  t.equal(order(health, 29_999), "231");
  t.equal(order(health, 30_000), "123");
  health.report(A, ANSWERED, 30_001);
  health.report(A, unavailable(86_400), 40_000);
  t.equal(order(health, 339_999), "231");
  t.equal(order(health, 340_000), "123");
});

t.test("a 503 without Retry-After holds as any failure; one while held may lengthen it", async (t) => {
  const health = new Health();
  health.report(A, unavailable(), 0);
  t.equal(order(health, 1999), "231");
  health.report(A, unavailable(60), 1999);
  t.equal(order(health, 61_998), "231");
  t.equal(order(health, 61_999), "123");
});

/** What an operator said of an address at the wall clock's 0. */
function drained(place: string): Drain {
  return { place, by: "alice", reason: "patch day", at: new Date(0).toISOString() };
}

t.test(
  "drained addresses get no new dialog, but keep those they have; nothing but an operator changes that",
  async (t) => {
    const health = new Health();
    health.report(A, ANSWERED, 0);
    health.setDrains([drained("10.1.2.1")], 0, 0);
    t.equal(order(health, 0), "23");
    t.equal(order(health, 0, true), "123");
    health.configure({ holdMs: 500 });
    health.watch([A]);
    health.watch([]);
    health.report(A, ANSWERED, 1000);
    t.equal(order(health, 1000), "23");
    t.match(
      sentenceOf(health, 60_000),
      /^pcpool\.contoso\.com 10\.1\.2\.1:5061 tls: drained by alice for 60 s \(patch day\); else up/,
    );
    health.setDrains([], 1000, 1000);
    t.equal(order(health, 1000), "123");
  },
);

t.test("a table that names an address again brings back neither its drain nor what probes had said", async (t) => {
  const { health, probe } = probed({ downAfter: 1 });
  health.setDrains([drained("10.1.2.1")], 0, 0);
  probe(TIMEOUT, 0);
  health.watch([]);
  health.setDrains([], 1000, 1000);
  health.watch([A]);
  t.equal(order(health, 1000), "123");
  t.match(health.describe(1000)[0], { admin: "up", observed: "up" });
});

t.test("a drain of one port or transport leaves the others of the server in service", async (t) => {
  const health = new Health();
  for (const [place, left] of [
    ["10.1.2.1:5061", "23"],
    ["10.1.2.1:5060", "123"],
    ["tls:10.1.2.1", "23"],
    ["tcp:10.1.2.1:5061", "123"],
  ] as const) {
    health.setDrains([drained(place)], 0, 0);
    t.equal(order(health, 0), left, place);
  }
});

t.test("with every address drained there is a reason instead of targets", async (t) => {
  const health = new Health();
  const found = { ok: true, targets: ALL } as const;
  t.equal(health.apply(found, 0), found);
  health.setDrains(["10.1.2.1", "10.1.2.2", "10.1.2.3"].map(drained), 0, 0);
  t.same(health.apply(found, 0), {
    ok: false,
    reason: "every address of pcpool.contoso.com was drained by an operator",
  });
  t.same(health.apply(found, 0, true), found);
});

t.test("each address explains its state in one sentence", async (t) => {
  const health = new Health();
  health.report(A, ANSWERED, 0);
  t.equal(sentenceOf(health, 3000), "pcpool.contoso.com 10.1.2.1:5061 tls: up, answered 3 s ago");
  for (const now of [4000, 4000, 4000]) health.report(A, REFUSED, now);
  t.equal(
    sentenceOf(health, 4500),
    "pcpool.contoso.com 10.1.2.1:5061 tls: down for 1 s after 3 connection refusals, next try in 2 s",
  );
  t.match(sentenceOf(health, 6000), /, the next request tries it$/);
  health.report(A, TIMEOUT, 10_000, 6000);
  t.match(sentenceOf(health, 10_000), /: down for 6 s after 4 failures, the last: no answer, next try in 4 s$/);
  health.report(B, unavailable(120), 0);
  t.match(sentenceOf(health, 1000, B), /: down for 1 s after an answer 503, next try in 119 s$/);
  t.equal(sentenceOf(health, 0, C), "not listed");
  t.same(
    health.describe(10_000).map(({ observed, admin }) => [observed, admin]),
    [
      ["held", "up"],
      ["held", "up"],
    ],
  );
});

t.test("failed probes in a row take an address down until answers in a row bring it back", async (t) => {
  const { health, probe } = probed();
  probe(TIMEOUT, 0);
  probe(TIMEOUT, 10_000);
  t.equal(order(health, 10_000), "123", "two are not enough");
  probe(TIMEOUT, 20_000);
  t.equal(order(health, 20_000), "231");
  t.equal(order(health, 500_000), "231", "no request is put at risk to find out");
  t.equal(
    sentenceOf(health, 25_000),
    "pcpool.contoso.com 10.1.2.1:5061 tls: down for 5 s after 3 failures in a row, the last: no answer, " +
      "next probe in 5 s; up after 2 answers",
  );
  probe(ANSWERED, 30_000);
  t.equal(order(health, 30_000), "231");
  probe(ANSWERED, 40_000);
  t.equal(order(health, 40_000), "123");
});

t.test("an answer between failures starts the count anew", async (t) => {
  const { health, probe } = probed();
  for (const outcome of [TIMEOUT, TIMEOUT, ANSWERED, TIMEOUT, TIMEOUT]) probe(outcome, 0);
  t.equal(order(health, 0), "123");
});

t.test("a 503 to a probe is not healthy", async (t) => {
  const { health, probe } = probed({ downAfter: 1 });
  probe(unavailable(), 0);
  t.equal(order(health, 0), "231");
});

t.test("requests count beside the probes", async (t) => {
  const { health, probe } = probed();
  probe(TIMEOUT, 0);
  probe(TIMEOUT, 1000);
  health.report(A, REFUSED, 2000);
  t.equal(order(health, 90_000), "231", "the third failure was a request's");
  probe(ANSWERED, 91_000);
  health.report(A, ANSWERED, 92_000);
  t.equal(order(health, 92_000), "123");
});

t.test("the result of an older generation does not count", async (t) => {
  const { health } = probed({ downAfter: 1, upAfter: 1 });
  const first = health.probeStarted(A, 10_000);
  const second = health.probeStarted(A, 20_000);
  t.notOk(health.probed(A, first, TIMEOUT, 1000), "a newer probe is under way");
  t.ok(health.probed(A, second, ANSWERED, 1001));
  t.notOk(health.probed(A, second, TIMEOUT, 1002), "its result was there already");
  const third = health.probeStarted(A, 30_000);
  health.report(A, REFUSED, 2000);
  t.notOk(health.probed(A, third, ANSWERED, 2001), "the address went down meanwhile");
  t.equal(order(health, 2001), "231");
  const fourth = health.probeStarted(A, 40_000);
  health.watch([]);
  health.watch([A]);
  t.notOk(health.probed(A, fourth, TIMEOUT, 3000), "probing was stopped and started anew meanwhile");
});

t.test("an address that is no longer probed forgets what probes said", async (t) => {
  const { health, probe } = probed({ downAfter: 1 });
  probe(TIMEOUT, 0);
  t.equal(order(health, 0), "231");
  health.watch([B]);
  t.equal(order(health, 0), "123");
});

t.test("what is reported in turn of two addresses counts for each its own", async (t) => {
  const health = new Health();
  health.report(A, REFUSED, 0);
  health.report({ ...B, port: 5062 }, ANSWERED, 0);
  health.report(B, ANSWERED, 0);
  health.report(A, REFUSED, 0);
  t.equal(order(health, 1), "231");
  health.report(A, ANSWERED, 2);
  health.report(B, REFUSED, 2);
  t.equal(order(health, 3), "132");
});

t.test("only so many addresses are remembered, those in trouble or probed before others", async (t) => {
  const { health } = probed();
  health.report(B, REFUSED, 0);
  const many = (index: number): Target => ({ ...A, address: `10.2.${index >> 8}.${index & 255}` });
  for (let index = 0; index < 12_000; index++) health.report(many(index), ANSWERED, 0);
  t.equal(health.describe(0).length, 10_000);
  t.equal(order(health, 0), "132");
  t.not(sentenceOf(health, 0, A), "not listed");
});

t.test("a place to drain is read in any spelling and written in one", async (t) => {
  for (const [text, place] of [
    ["10.1.2.3", "10.1.2.3"],
    [" TLS:10.1.2.3:5061", "tls:10.1.2.3:5061"],
    ["[2001:DB8:0::1]:5061", "[2001:db8::1]:5061"],
    ["tcp:2001:db8::1", "tcp:2001:db8::1"],
    ["pcpool.contoso.com", undefined],
    ["10.1.2.3:0", undefined],
    ["10.1.2.3:70000", undefined],
    ["sctp:10.1.2.3", undefined],
    ["", undefined],
  ] as const) {
    const parsed = parseDrainedPlace(text);
    t.equal(parsed && drainPlace(parsed), place, text);
  }
});

t.test(
  "a failed call takes nothing out of the set that was found: each server is still tried, in its own time",
  async (t) => {
    const health = new Health();
    const found = { ok: true, targets: [A, B, C] } as const;
    for (const target of ALL) health.report(target, REFUSED, 0);
    t.same(health.apply(found, 0), found);
    t.same(found.targets, ALL, "nor is the set itself changed");
    t.equal(order(health, 60_000), "123");
  },
);
