import t from "tap";
import { Bindings } from "../../src/registration/bindings.ts";
import type { Message } from "../support/core-harness.ts";
import { SimRandom } from "../support/sim-random.ts";
import {
  ADDRESS,
  authorization,
  challengeLine,
  expectedResponse,
  REGISTRAR,
  REGISTRAR_2,
  RegistrationBench,
} from "./bench.ts";

const MINUTE = 60_000;

t.test(
  "REGISTER names the domain, the address in To and From, and a Contact that leads back (RFC 3261 §10.2)",
  async (t) => {
    const bench = new RegistrationBench();
    const register = bench.register(0);
    t.equal(register.startLine, "REGISTER sip:contoso.com SIP/2.0");
    t.equal(register.one("To"), `<${ADDRESS}>`);
    t.match(register.one("From"), new RegExp(`^<${ADDRESS}>;tag=\\w+$`));
    const contact = "sip:ocschat@gw.contoso.com:5060;transport=tcp;waypost-domain=contoso.com";
    t.equal(register.one("Contact"), `<${contact}>;expires=600`);
    t.same(register.all("Authorization"), []);
    bench.accept(register);
    t.match(bench.told, [{ what: "registered", address: ADDRESS }]);
    const bindings = new Bindings();
    bindings.set([ADDRESS]);
    t.equal(bindings.addressOf(contact), ADDRESS);
    t.equal(bindings.addressOf("sip:OCSChat@gw.contoso.com:5060"), ADDRESS, "by the user alone");
    t.equal(bindings.addressOf("sip:other@gw.contoso.com:5060"), undefined);
  },
);

t.test("two addresses with the same user are told apart by the Contact, and not without its parameter", async (t) => {
  const other = "sip:ocschat@fabrikam.com";
  const bindings = new Bindings();
  bindings.set([ADDRESS, other]);
  t.equal(bindings.addressOf("sip:ocschat@gw.contoso.com:5060;waypost-domain=fabrikam.com"), other);
  t.equal(bindings.addressOf("sip:ocschat@gw.contoso.com:5060"), undefined);
});

for (const algorithm of ["MD5", "SHA-256", "SHA-512-256"]) {
  t.test(`a challenge with ${algorithm} is answered at once, and the next REGISTER needs none`, async (t) => {
    const bench = new RegistrationBench();
    const first = bench.register(0);
    bench.challenge(first, "n1", ', opaque="o1"', algorithm);
    const second = bench.register(0);
    t.equal(second.one("Call-ID"), first.one("Call-ID"));
    t.equal(second.one("CSeq"), "2 REGISTER");
    const fields = authorization(second);
    t.match(fields, { username: "ocschat", realm: "contoso.com", uri: "sip:contoso.com", nonce: "n1", opaque: "o1" });
    t.match(fields, { nc: "00000001", qop: "auth", algorithm });
    t.equal(fields["response"], expectedResponse(fields, "secret"));
    bench.accept(second);
    const refresh = bench.register(5 * MINUTE);
    t.match(authorization(refresh), { nonce: "n1", nc: "00000002" });
    t.equal(authorization(refresh)["response"], expectedResponse(authorization(refresh), "secret"));
  });
}

t.test("a refresh comes at half of the time that was granted, or ten minutes before its end", async (t) => {
  for (const [granted, least, most] of [
    [100, 45, 50],
    [3600, 2700, 3000],
  ] as const) {
    const bench = new RegistrationBench();
    bench.accept(bench.register(0), granted);
    const at = bench.net.now;
    bench.register(granted * 1000);
    const after = (bench.net.now - at) / 1000;
    t.ok(after >= least && after <= most, `${granted} s: refreshed after ${after} s`);
  }
});

t.test("a nonce that is too old is replaced without a pause, with stale=true or without", async (t) => {
  for (const stale of [", stale=true", ""]) {
    const bench = new RegistrationBench();
    bench.challenge(bench.register(0), "n1");
    bench.accept(bench.register(0));
    bench.challenge(bench.register(5 * MINUTE), "n2", stale);
    const again = bench.register(0);
    t.match(authorization(again), { nonce: "n2", nc: "00000001" });
    bench.accept(again);
    t.match(
      bench.told.map(({ what }) => what),
      ["registered", "refreshed"],
    );
  }
});

t.test("a registrar that finds every nonce too old does not get requests without end", async (t) => {
  const bench = new RegistrationBench();
  for (let i = 0; i < 8; i++) bench.challenge(bench.register(0), `n${i}`, ", stale=true");
  t.throws(() => bench.register(50_000));
  t.match(bench.told, [{ what: "failed", trouble: { kind: "refused" } }]);
});

t.test("a wrong password is said, is tried ever less often, and heals when it is changed", async (t) => {
  const bench = new RegistrationBench({ password: "wrong" });
  const waits: number[] = [];
  for (let i = 0; i < 8; i++) {
    const before = bench.net.now;
    bench.challenge(bench.register(60 * MINUTE), `a${i}`);
    waits.push((bench.net.now - before) / 1000);
    bench.challenge(bench.register(0), `b${i}`);
  }
  t.match(bench.told[0], {
    what: "failed",
    trouble: {
      kind: "credentials",
      reason: 'contoso.com answered 401 (Unauthorized) to the password of ocschat in realm "contoso.com"',
    },
  });
  t.ok(waits[1]! >= 60 && waits[1]! <= 75 && waits[2]! >= 120 && waits[7]! >= 1800 && waits[7]! <= 2250, String(waits));
  bench.password = "secret";
  bench.registrations.passwordChanged(bench.net.now);
  bench.challenge(bench.register(0), "c");
  const good = bench.register(0);
  t.equal(authorization(good)["response"], expectedResponse(authorization(good), "secret"));
  bench.accept(good);
  t.match(bench.told.at(-1), { what: "registered", trouble: undefined });
});

t.test(
  "other settings count at once, in the middle of an attempt and of a wait, with no nonce of before",
  async (t) => {
    const bench = new RegistrationBench({ password: "wrong", username: "before" });
    const settings = {
      server: undefined,
      username: "after",
      realm: undefined,
      algorithms: ["MD5"] as const,
      expiresSeconds: 900,
    };
    bench.challenge(bench.register(0), "a");
    const abandoned = bench.register(0);
    bench.registrations.use(settings, bench.net.now);
    const first = bench.register(0);
    t.same(first.all("Authorization"), [], "the challenge was for another user");
    t.equal(first.one("Expires"), "900");
    bench.challenge(abandoned, "late");
    bench.challenge(first, "b");
    bench.challenge(bench.register(0), "c");
    t.equal(bench.told.at(-1)?.trouble?.kind, "credentials");
    bench.password = "secret";
    bench.registrations.use(settings, bench.net.now);
    bench.challenge(bench.register(0), "d");
    const good = bench.register(0);
    t.equal(authorization(good)["username"], "after");
    bench.accept(good);
    t.match(bench.told.at(-1), { what: "registered", trouble: undefined });
  },
);

t.test("proxy and registrar may each want credentials (401 and 407)", async (t) => {
  const bench = new RegistrationBench({ username: "waypost" });
  const proxyLine = challengeLine("p1").replace("WWW-", "Proxy-");
  bench.answer(bench.register(0), "407 Proxy Authentication Required", proxyLine);
  const second = bench.register(0);
  t.match(second.one("Proxy-Authorization"), 'username="waypost"');
  bench.challenge(second, "n1");
  const third = bench.register(0);
  t.match(third.one("Proxy-Authorization"), "nc=00000002");
  t.match(third.one("Authorization"), "nc=00000001");
  bench.accept(third);
});

t.test("what cannot be answered is said: no password, another scheme", async (t) => {
  const none = new RegistrationBench({ password: undefined });
  none.challenge(none.register(0), "n1");
  t.match(none.told[0]?.trouble, {
    kind: "credentials",
    reason: /there is no password for ocschat: set registrar\.password/,
  });
  const ntlm = new RegistrationBench();
  ntlm.answer(ntlm.register(0), "401 Unauthorized", 'WWW-Authenticate: NTLM realm="SIP Communications Service"\r\n');
  t.match(ntlm.told[0]?.trouble, { kind: "credentials", reason: /NTLM is no digest/ });
});

t.test("423: the time that the registrar wants is asked for at once (§10.2.8)", async (t) => {
  const bench = new RegistrationBench();
  bench.answer(bench.register(0), "423 Interval Too Brief", "Min-Expires: 1800\r\n");
  const longer = bench.register(0);
  t.match(longer.one("Contact"), /;expires=1800$/);
  bench.answer(longer, "423 Interval Too Brief", "Min-Expires: 1800\r\n");
  t.match(bench.told, [{ what: "failed", trouble: { kind: "refused" } }]);
});

t.test("503: the next address at once; when all are busy, Retry-After is followed", async (t) => {
  const bench = new RegistrationBench({ registrars: [REGISTRAR, REGISTRAR_2] });
  bench.answer(bench.register(0), "503 Service Unavailable", "Retry-After: 40\r\n");
  const second = bench.register(0, REGISTRAR_2);
  bench.answer(second, "503 Service Unavailable", "", REGISTRAR_2);
  t.match(bench.told, [{ what: "failed", trouble: { kind: "busy" } }]);
  t.throws(() => bench.register(39_000));
  bench.accept(bench.register(15_000));
  t.match(bench.told.at(-1), { what: "registered" });
});

t.test("an address that is silent or refuses gives way to the next one", async (t) => {
  const silent = new RegistrationBench({ registrars: [REGISTRAR, REGISTRAR_2] });
  silent.register(0);
  silent.accept(silent.register(4000, REGISTRAR_2), 600, REGISTRAR_2);
  t.match(silent.told, [{ what: "registered" }]);
  const refusing = new RegistrationBench({ registrars: [REGISTRAR, REGISTRAR_2] });
  refusing.at().refuses();
  refusing.accept(refusing.register(0, REGISTRAR_2), 600, REGISTRAR_2);
  t.match(refusing.told, [{ what: "registered" }]);
});

t.test(
  "a registrar that never answers is tried again and again, also over UDP, and found when it is back",
  async (t) => {
    for (const transport of ["udp", "tcp"] as const) {
      const bench = new RegistrationBench({ transport });
      bench.advance(30 * MINUTE);
      const tries = bench.told.length;
      t.ok(tries >= 10 && tries <= 40, `${transport}: ${tries} tries in half an hour`);
      t.match(bench.told.at(-1)?.trouble, { kind: "unreachable", reason: /did not answer/, times: tries });
      bench.net.clear();
      while (bench.at(REGISTRAR, transport).inbox.length === 0) bench.advance(1000);
      const request = bench.at(REGISTRAR, transport).hears();
      bench.at(REGISTRAR, transport).answers(request, "200 OK", { headers: `Contact: ${request.one("Contact")}\r\n` });
      t.match(bench.told.at(-1), { what: "registered", trouble: undefined });
    }
  },
);

t.test("a redirection is followed, but not for ever (§8.1.3.4)", async (t) => {
  const bench = new RegistrationBench();
  const moved = `Contact: <sip:reg2@${REGISTRAR_2}:5060;transport=tcp>\r\n`;
  bench.answer(bench.register(0), "302 Moved Temporarily", moved);
  const followed = bench.register(0, REGISTRAR_2);
  t.equal(followed.requestUri, `sip:${REGISTRAR_2}:5060`);
  for (let i = 0, next = followed; i < 3; i++) {
    bench.answer(next, "302 Moved Temporarily", moved, REGISTRAR_2);
    if (i < 2) next = bench.register(0, REGISTRAR_2);
  }
  t.match(bench.told, [{ what: "failed", trouble: { kind: "refused", reason: /302/ } }]);
});

t.test("a 200 that keeps no binding of ours is a refusal", async (t) => {
  const bench = new RegistrationBench();
  const others = "Contact: <sip:x@192.0.2.1>;expires=60, <sip:y@192.0.2.2>;expires=60\r\n";
  bench.answer(bench.register(0), "200 OK", others);
  t.match(bench.told, [{ what: "failed", trouble: { kind: "refused", reason: /keeps no binding/ } }]);
});

t.test("a refresh that fails leaves the binding in force until its end", async (t) => {
  const bench = new RegistrationBench();
  bench.accept(bench.register(0), 600);
  bench.answer(bench.register(5 * MINUTE), "500 Server Internal Error");
  const [registration] = bench.registrations.list;
  t.ok(registration!.isBound(bench.net.now));
  bench.accept(bench.register(10_000));
  t.match(
    bench.told.map(({ what }) => what),
    ["registered", "failed", "registered"],
  );
});

t.test(
  "a connection that breaks makes us register anew within seconds, but ever later when it always does",
  async (t) => {
    const bench = new RegistrationBench();
    bench.accept(bench.register(0), 3600);
    bench.breaks();
    bench.accept(bench.register(3000), 3600);
    let registers = 0;
    const end = bench.net.now + 10 * MINUTE;
    while (bench.net.now < end) {
      bench.breaks();
      bench.accept(bench.register(10 * MINUTE), 3600);
      registers++;
    }
    t.ok(registers < 12, `${registers} in ten minutes`);
  },
);

t.test("unregistering: Expires 0 with the credentials, and nothing after it", async (t) => {
  const bench = new RegistrationBench();
  bench.challenge(bench.register(0), "n1");
  bench.accept(bench.register(0));
  bench.registrations.leaveAll(bench.net.now);
  t.equal(bench.registrations.left, 1);
  const last = bench.register(0);
  t.match(last.one("Contact"), /;expires=0$/);
  t.equal(last.one("Expires"), "0");
  t.match(authorization(last), { nonce: "n1", nc: "00000002" });
  bench.at().answers(last, "200 OK");
  t.equal(bench.registrations.left, 0);
  t.match(bench.told.at(-1), { what: "unregistered" });
  bench.advance(24 * 60 * MINUTE);
  t.same(bench.net.unheard, []);
  t.match(bench.net.core.load, { clientTransactions: 0, timers: 0, queries: 0 });
});

t.test("unregistering over a connection that is dead is tried once more, and then let go", async (t) => {
  const bench = new RegistrationBench();
  bench.accept(bench.register(0));
  bench.registrations.leaveAll(bench.net.now);
  bench.register(0);
  bench.breaks();
  t.equal(bench.registrations.left, 1);
  t.equal(bench.register(0).one("Expires"), "0");
  bench.breaks();
  t.equal(bench.registrations.left, 0);
  t.match(bench.told.at(-1), { what: "failed", trouble: { kind: "unreachable" } });
});

t.test("a row that no longer asks is unregistered, the others stay", async (t) => {
  const other = "sip:other@contoso.com";
  const bench = new RegistrationBench({ addresses: [ADDRESS, other] });
  bench.accept(bench.register(0));
  bench.accept(bench.register(0));
  bench.registrations.keep([other], bench.net.now);
  const last = bench.register(0);
  t.equal(last.one("To"), `<${ADDRESS}>`);
  t.equal(last.one("Expires"), "0");
  t.same(
    bench.registrations.list.map(({ address }) => address),
    [other],
  );
});

t.test("five hundred addresses: at most twenty requests at once, and each is registered", async (t) => {
  const addresses = Array.from({ length: 500 }, (_, i) => `sip:chat${i}@contoso.com`);
  const bench = new RegistrationBench({ addresses });
  let most = 0;
  while (bench.at().inbox.length > 0) {
    most = Math.max(most, bench.at().inbox.length);
    bench.accept(bench.at().hears(), 3600);
  }
  t.equal(most, 20);
  t.equal(bench.told.filter(({ what }) => what === "registered").length, 500);
});

t.test("whatever a registrar does, something is always due, and all is well soon after it behaves", async (t) => {
  const answers: ((random: SimRandom) => [string, string])[] = [
    () => ["200 OK", ""],
    (random) => ["200 OK", `Expires: ${random.int(0, 3)}\r\n`],
    (random) => ["401 Unauthorized", challengeLine(`n${random.int(0, 9)}`, random.chance(0.5) ? ", stale=true" : "")],
    () => ["401 Unauthorized", "WWW-Authenticate: Digest realm=\r\n"],
    () => ["407 Proxy Authentication Required", ""],
    () => ["403 Forbidden", ""],
    (random) => ["423 Interval Too Brief", `Min-Expires: ${random.int(0, 100_000)}\r\n`],
    (random) => ["503 Service Unavailable", `Retry-After: ${random.int(0, 9999)}\r\n`],
    () => ["302 Moved Temporarily", `Contact: <sip:${REGISTRAR_2};transport=tcp>\r\n`],
    () => ["302 Moved Temporarily", "Contact: *\r\n"],
    () => ["600 Busy Everywhere", ""],
    () => ["100 Trying", ""],
  ];
  for (let seed = 1; seed <= 12; seed++) {
    const random = new SimRandom(seed);
    const bench = new RegistrationBench({ seed });
    const end = bench.net.now + 3 * 60 * MINUTE;
    while (bench.net.now < end) {
      if (bench.registrations.nextDue === Number.POSITIVE_INFINITY) t.fail(`seed ${seed}: nothing is due`);
      for (const address of [REGISTRAR, REGISTRAR_2]) {
        for (const request of bench.at(address).inbox.splice(0)) {
          const [status, headers] = answers[random.int(0, answers.length - 1)]!(random);
          if (random.chance(0.8)) bench.answer(request, status, headers, address);
        }
        if (random.chance(0.02)) bench.breaks(address);
      }
      if (random.chance(0.01)) bench.registrations.trigger(undefined, bench.net.now);
      bench.advance(random.int(1, 20_000));
    }
    // From here on it behaves.
    const healed = bench.net.now + 70 * MINUTE;
    while (bench.net.now < healed && bench.told.at(-1)?.trouble !== undefined) {
      for (const address of [REGISTRAR, REGISTRAR_2]) {
        for (const request of bench.at(address).inbox.splice(0)) bench.accept(request, 3600, address);
      }
      bench.advance(1000);
    }
    t.equal(bench.registrations.list[0]!.trouble, undefined, `seed ${seed}`);
  }
});

t.test("switched off and on again in a row: the later REGISTER is the one that counts (§10.3 step 7)", async (t) => {
  const bench = new RegistrationBench({ transport: "udp" });
  const { net, registrations } = bench;
  const registrar = bench.at(REGISTRAR, "udp");
  const answerLate = (request: Message, expires: number): void => {
    const contact = request.one("Contact").replace(/;expires=\d+$/, `;expires=${expires}`);
    registrar.answers(request, "200 OK", { headers: `Contact: ${contact}\r\n` });
    registrations.tick(net.now);
  };
  registrations.tick(net.now);
  answerLate(registrar.hears(), 600);
  registrations.keep([], net.now);
  const away = registrar.hears();
  t.match(away.one("Contact"), /;expires=0$/);
  registrations.keep([ADDRESS], net.now);
  const again = registrar.hears();
  t.match(again.one("Contact"), /;expires=600$/);
  t.equal(again.one("Call-ID"), away.one("Call-ID"));
  t.same([away.one("CSeq"), again.one("CSeq")], ["2 REGISTER", "3 REGISTER"]);
  answerLate(again, 600);
  // The registrar has dropped the older one, or answers it last.
  registrar.answers(away, "200 OK");
  bench.advance(5000);
  t.same(registrar.inbox, [], "nothing takes it away again");
  t.ok(registrations.list[0]!.isBound(net.now));
  t.same(
    bench.told.map(({ what }) => what),
    ["registered", "registered"],
  );
});
