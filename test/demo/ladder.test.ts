import t from "tap";
import { Ladder } from "../../src/demo/ladder.ts";
import { sipText } from "../../src/demo/sip-text.ts";
import { command } from "../../src/demo/xccos.ts";

const invite = sipText("INVITE sip:ocschat@contoso.com SIP/2.0", [
  ["Call-ID", "1367g8DF2a6511i08BBm61D9t91D9b9F7CxD11Bx"],
  ["CSeq", "1 INVITE"],
]);
const ok = sipText("SIP/2.0 200 OK", [
  ["Call-ID", "1367g8DF2a6511i08BBm61D9t91D9b9F7CxD11Bx"],
  ["CSeq", "1 INVITE"],
]);
const info = sipText("INFO sip:pcpool.contoso.com SIP/2.0", [["Call-ID", "other"]], command(1, "requri"));

/** A ladder whose clock moves 5 ms with each message. */
function ladder(): Ladder {
  let time = 0;
  const clock = () => (time += 5);
  const made = new Ladder(clock);
  made.message("client", "front end", invite);
  made.message("front end", "Waypost", invite);
  made.message("Waypost", "pool", invite);
  made.message("pool", "Waypost", ok);
  made.message("front end", "pool", info);
  return made;
}

t.test("each message is one line, its arrow from sender to receiver", async (t) => {
  t.strictSame(ladder().render({ width: 80 }).slice(0, 6), [
    "       client               front end              Waypost                pool",
    "  0.005 a │─ INVITE ───────────>│                     │                     │",
    "  0.010 a │                     │─ INVITE ───────────>│                     │",
    "  0.015 a │                     │                     │─ INVITE ───────────>│",
    "  0.020 a │                     │                     │<─ 200 INVITE ───────│",
    "  0.025 b │                     │─ INFO cmd:requri ────────────────────────>│",
  ]);
});

t.test("each Call-ID has a letter, and below stands what it was for", async (t) => {
  const lines = ladder().render({ width: 120 });
  t.strictSame(lines.slice(-2), [
    "        a Call-ID 1367g8DF2a6511i08BBm61D9t91D9b9F7CxD11Bx  INVITE sip:ocschat@contoso.com",
    "        b Call-ID other  INFO sip:pcpool.contoso.com",
  ]);
});

for (const width of [20, 80, 100, 120, 400]) {
  t.test(`width ${width}: no line is wider than 80 to 120 columns allow`, async (t) => {
    const allowed = Math.min(120, Math.max(80, width));
    for (const line of ladder().render({ width })) t.ok(line.length <= allowed, line);
  });
}

t.test("a label that does not fit is cut with an ellipsis", async (t) => {
  const made = new Ladder();
  made.message(
    "client",
    "front end",
    sipText("INFO sip:a@b SIP/2.0", [["Call-ID", "1"]], command(1, "a-very-long-command")),
  );
  t.match(made.render({ width: 80 })[1], /│─ INFO cmd:a-very… ─>│/);
});

t.test("colours are escapes around the text, and absent unless asked for", async (t) => {
  const plain = ladder().render();
  const coloured = ladder().render({ colour: true });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character is what is looked for
  const escapes = /\u001b\[\d+m/g;
  t.notMatch(plain.join("\n"), escapes);
  t.match(coloured[1], escapes);
  t.strictSame(
    coloured.map((line) => line.replace(escapes, "")),
    plain,
  );
});

t.test("an address belongs to who claimed it, and to Waypost otherwise", async (t) => {
  const made = new Ladder();
  made.claim("127.0.0.1:5090", "pool");
  t.equal(made.partyAt("127.0.0.1:5090"), "pool");
  t.equal(made.partyAt("127.0.0.1:5060"), "Waypost");
  made.release("127.0.0.1:5090");
  t.equal(made.partyAt("127.0.0.1:5090"), "Waypost");
});

t.test("beyond its bound a ladder counts messages and keeps them no more", async (t) => {
  const made = new Ladder();
  for (let count = 0; count < 5003; count += 1) made.message("client", "front end", ok);
  t.equal(made.rungs.length, 5000);
  t.equal(made.dropped, 3);
  t.ok(made.render().some((line) => line.includes("… and 3 more")));
});
