import t from "tap";
import type { Published, Taps } from "../../src/observe/channels.ts";
import { Usage } from "../../src/observe/usage.ts";

/** Takes what a gateway would tell, from the test itself. */
function usageWith(limits: { endpoints: number; callers: number }) {
  let take: (event: Published["request"]) => void = () => undefined;
  const taps = { on: (_type: "request", tap: typeof take) => (take = tap) } as unknown as Taps;
  let now = 0;
  const usage = new Usage(taps, limits, () => ++now);
  const call = (caller: string, endpoint = "sip:ocschat@contoso.com"): void =>
    take({
      endpoint,
      from: `<sip:${caller}@contoso.com>;tag=1`,
      status: 200,
      method: "INVITE",
    } as Published["request"]);
  const names = (endpoint?: string): string[] =>
    usage.callers(endpoint).map(({ caller }) => caller.slice(4).split("@")[0]!);
  return { usage, call, names };
}

t.test("at the limit the caller that was silent longest is forgotten, and counted", async (t) => {
  const { usage, call, names } = usageWith({ endpoints: 10, callers: 3 });
  for (const caller of ["anna", "bert", "carl", "anna", "dora"]) call(caller);
  t.same(names(), ["dora", "anna", "carl"], "who called last comes first");
  t.equal(usage.forgottenCallers, 1);
  call("emil");
  t.same(names(), ["emil", "dora", "anna"]);
  t.match(usage.callers().at(-1), { requests: 2, firstAt: 1, lastAt: 4, lastStatus: 200, lastMethod: "INVITE" });
});

t.test("an address that is in the table no more gives its place to another one", async (t) => {
  const { usage, call } = usageWith({ endpoints: 3, callers: 0 });
  const [one, two, three, four] = [
    "sip:one@contoso.com",
    "sip:two@contoso.com",
    "sip:three@contoso.com",
    "sip:four@contoso.com",
  ];
  for (const endpoint of [one, two, three, four, one, two]) call("anna", endpoint);
  const counts = (): unknown => [...usage.uses()].map(([endpoint, { answered }]) => [endpoint, answered]);
  t.same(
    [counts(), usage.others.answered],
    [
      [
        [one, 2],
        [two, 2],
        [three, 1],
      ],
      1,
    ],
  );
  usage.keepOnly((address) => address !== one);
  for (const endpoint of [three, four, four, one]) call("anna", endpoint);
  t.same(
    [counts(), usage.others.answered],
    [
      [
        [two, 2],
        [three, 2],
        [four, 2],
      ],
      2,
    ],
  );
});

t.test("callers are told by address; with room for none nobody is remembered", async (t) => {
  const { call, names } = usageWith({ endpoints: 10, callers: 5 });
  call("anna");
  call("bert", "sip:other@contoso.com");
  call("carl");
  t.same(names("sip:ocschat@contoso.com"), ["carl", "anna"]);
  const none = usageWith({ endpoints: 10, callers: 0 });
  none.call("anna");
  t.same(none.names(), []);
  t.equal(none.usage.uses().get("sip:ocschat@contoso.com")?.answered, 1);
});

t.test(
  "of a thousand callers who take turns, those that called last are remembered, each under its address",
  async (t) => {
    const { usage, call } = usageWith({ endpoints: 5, callers: 100 });
    const last = new Map<string, number>();
    for (let i = 1; i <= 20_000; i++) {
      const caller = `caller${(i * 7919) % 997}`;
      const endpoint = `sip:room${(i * 31) % 11}@contoso.com`;
      call(caller, endpoint);
      last.delete(`${endpoint} sip:${caller}@contoso.com`);
      last.set(`${endpoint} sip:${caller}@contoso.com`, i);
    }
    t.same(
      usage.callers().map(({ endpoint, caller, lastAt }) => [`${endpoint} ${caller}`, lastAt]),
      [...last].reverse().slice(0, 100),
    );
  },
);
