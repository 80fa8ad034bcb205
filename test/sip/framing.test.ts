import t from "tap";
import { type FramingErrorKind, type FramingLimits, StreamFraming } from "../../src/sip/framing.ts";

const INVITE =
  "INVITE sip:ocschat@contoso.com SIP/2.0\r\nVia: SIP/2.0/tcp 10.1.4.23:50312\r\nContent-Length: 4\r\n\r\nv=0\n";
const ACK = "ACK sip:pool SIP/2.0\r\nl: 0\r\n\r\n";

function head(...headers: string[]): string {
  return `${["INFO sip:pool SIP/2.0", ...headers].join("\r\n")}\r\n\r\n`;
}

/** Feeds the chunks one after the other and collects what comes out. */
function cut(chunks: readonly string[], limits?: FramingLimits): { frames: string[]; error?: FramingErrorKind } {
  const framing = new StreamFraming(limits);
  const frames: string[] = [];
  for (const chunk of chunks) {
    framing.push(Buffer.from(chunk, "latin1"));
    for (let frame = framing.next(); frame !== undefined; frame = framing.next()) frames.push(frame.toString("latin1"));
  }
  return framing.error === undefined ? { frames } : { frames, error: framing.error };
}

t.test("several messages of one segment come out in order, bodies included", async (t) => {
  t.same(cut([INVITE + ACK + INVITE]), { frames: [INVITE, ACK, INVITE] });
});

t.test("a stream may be cut at any byte", async (t) => {
  const stream = `${INVITE}\r\n${ACK}\r\n\r\n${INVITE}`;
  const whole = cut([stream]);
  t.same(whole, { frames: [INVITE, ACK, "ping", INVITE] });
  for (let at = 1; at < stream.length; at++) {
    t.same(cut([stream.slice(0, at), stream.slice(at)]), whole, `cut at ${at}`);
  }
  t.same(cut([...stream]), whole, "cut at every byte");
});

t.test("a head with a folded Content-Length, and one more, may be cut at any byte", async (t) => {
  const folded = `${head("Contact: <sip:a@b>", "CONTENT-LENGTH:\r\n 4\r\n ", "Call-ID: l: 5", "l\t: 4")}body`;
  const stream = `CANCEL sip:pool SIP/2.0\r\nl: 0\r\n\r\n${folded}${ACK}`;
  const whole = cut([stream]);
  t.same(whole.frames.slice(1), [folded, ACK]);
  for (let at = 1; at < stream.length; at++) {
    t.same(cut([stream.slice(0, at), stream.slice(at)]), whole, `cut at ${at}`);
  }
  t.same(cut([...stream]), whole, "cut at every byte");
});

t.test("a body is bytes: all 256 values pass, CRLFCRLF and start lines among them", async (t) => {
  const every = String.fromCharCode(...Array(256).keys());
  const body = `${every}\r\n\r\n${ACK}`;
  const message = head(`Content-Length: ${body.length}`) + body;
  t.same(cut([message + ACK]), { frames: [message, ACK] });
  t.same(cut([...(message + ACK)]), { frames: [message, ACK] });
});

t.test("a message handed out stays as it was while later bytes arrive", async (t) => {
  const framing = new StreamFraming();
  const kept: Buffer[] = [];
  for (const byte of (INVITE + ACK).repeat(50)) {
    framing.push(Buffer.from(byte, "latin1"));
    const frame = framing.next();
    if (frame instanceof Buffer) kept.push(frame);
  }
  t.same(
    kept.map((frame) => frame.toString("latin1")),
    Array(50).fill([INVITE, ACK]).flat(),
  );
});

t.test("CRLFs between messages (RFC 3261 §7.5, RFC 5626 §3.5.1)", async (t) => {
  t.same(cut([`\r\n${ACK}`]), { frames: [ACK] }, "one is skipped");
  t.same(cut(["\r\n\r\n"]), { frames: ["ping"] }, "two are a ping");
  t.same(cut(["\r", "\n", "\r", "\n", ACK]), { frames: ["ping", ACK] }, "however they arrive");
  t.same(cut(["\r\n\r\n\r\n\r\n"]), { frames: ["ping", "ping"] });
  t.same(cut([`\r\n${ACK}\r\n${ACK}`]), { frames: [ACK, ACK] }, "one before each message is no ping");
});

t.test("Content-Length in every form RFC 3261 §7.3.1 allows", async (t) => {
  for (const header of [
    "Content-Length: 4",
    "content-length:4",
    "CONTENT-LENGTH \t :\t4  ",
    "l:4",
    "L : 4",
    "Content-Length:\r\n 4",
    "Content-Length: \r\n\t \r\n 4\r\n ",
    "Content-Length: 0004",
    "Content-Length: 4\r\nl: 4",
    "Subject: one\r\n Content-Length: 9\r\nContent-Length: 4",
    "X-Content-Length: 9\r\nContent-Lengthy: 9\r\nll: 9\r\nl: 4\r\nContact: <sip:a@b>",
  ]) {
    const message = `${head(header)}body`;
    t.same(cut([message + ACK]), { frames: [message, ACK] }, JSON.stringify(header));
  }
});

t.test("without Content-Length the stream is at its end (RFC 3261 §18.3)", async (t) => {
  t.same(cut([ACK + head("Subject: x") + ACK]), { frames: [ACK], error: "content-length-missing" });
  t.same(cut([head("Subject: x\r\n Content-Length: 0")]), { frames: [], error: "content-length-missing" }, "in a fold");
  t.same(cut([head("Content Length: 0", "Content-Length")]), { frames: [], error: "content-length-missing" });
});

t.test("a Content-Length which is no number ends the stream", async (t) => {
  for (const value of ["", "-1", "+10", "1.5e3", "1e1", "0x10", "4 4", "4,4", "4;a", '"4"', "\u0664", "4\0"]) {
    t.same(
      cut([`${head(`Content-Length: ${value}`)}0123456789`]),
      { frames: [], error: "content-length-malformed" },
      JSON.stringify(value),
    );
  }
});

t.test("Content-Lengths that disagree end the stream", async (t) => {
  t.same(cut([head("Content-Length: 4", "l: 5")]), { frames: [], error: "content-length-conflict" });
});

t.test("limits: the last byte allowed passes, one more ends the stream", async (t) => {
  const limits = { maxHeadBytes: ACK.length, maxMessageBytes: ACK.length + 9 };
  t.same(cut([ACK], limits), { frames: [ACK] });
  t.same(cut([ACK.replace("pool", "pools")], limits), { frames: [], error: "head-too-long" });
  t.same(cut([`A${"B".repeat(ACK.length)}`], limits), { frames: [], error: "head-too-long" }, "without an end of head");
  const nine = ACK.replace("l: 0", "l: 9");
  t.same(cut([`${nine}123456789`], limits), { frames: [`${nine}123456789`] });
  const ten = "ACK sip:poo SIP/2.0\r\nl: 11\r\n\r\n";
  t.same(cut([ten], limits), { frames: [], error: "message-too-long" }, "before the body is there");
});

t.test("a huge Content-Length is too long, not a wrapped number", async (t) => {
  for (const value of ["65537", "4294967296", "18446744073709551616", "9".repeat(400)]) {
    t.same(cut([head(`Content-Length: ${value}`)]), { frames: [], error: "message-too-long" }, value.slice(0, 20));
  }
});

t.test("other protocols on a SIP port are told apart by their first bytes", async (t) => {
  const cases: [string, FramingErrorKind][] = [
    ["GET / HTTP/1.1\r\nHost: gw\r\n\r\n", "http"],
    ["POST /admin HTTP/1.1\r\n", "http"],
    ["OPTIONS * HTTP/1.1\r\n", "http"],
    ["CONNECT example.com:25 HTTP/1.1\r\n", "http"],
    ["HTTP/1.1 400 Bad Request\r\n", "http"],
    ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "http"],
    ["\x16\x03\x01\x02\x00\x01\x00", "tls"],
    ["\x80\x2e\x01\x03\x01", "not-sip"],
    ["\0\0\0\0", "not-sip"],
    [" INVITE sip:a SIP/2.0", "not-sip"],
    ["\nINVITE sip:a SIP/2.0", "not-sip"],
    ["\rINVITE sip:a SIP/2.0", "not-sip"],
  ];
  for (const [bytes, error] of cases) {
    t.same(cut([bytes]), { frames: [], error }, JSON.stringify(bytes));
    t.same(cut([...bytes]), { frames: [], error }, `${JSON.stringify(bytes)} byte by byte`);
    t.same(cut([ACK + bytes]), { frames: [ACK], error }, `${JSON.stringify(bytes)} behind a message`);
  }
  const options = `OPTIONS sip:gw SIP/2.0\r\nl: 0\r\n\r\n`;
  t.same(cut([...options]), { frames: [options] }, "OPTIONS of SIP is SIP");
});

t.test("after an error nothing comes out, and nothing is kept", async (t) => {
  const framing = new StreamFraming();
  framing.push(Buffer.from("GET / HTTP/1.1\r\n"));
  t.equal(framing.next(), undefined);
  framing.push(Buffer.from(ACK));
  t.equal(framing.next(), undefined);
  t.equal(framing.error, "http");
  t.notOk(framing.midMessage);
});

t.test("the work grows with the bytes, not with the number of chunks times them", async (t) => {
  const long = head("l: 30000", `X: ${"x".repeat(30_000)}`) + "b".repeat(30_000);
  let searched = 0;
  const indexOf = Buffer.prototype.indexOf;
  t.teardown(() => {
    Buffer.prototype.indexOf = indexOf;
  });
  Buffer.prototype.indexOf = function (this: Buffer, ...args: Parameters<typeof indexOf>) {
    const found = indexOf.apply(this, args);
    searched += (found < 0 ? this.length : found) - Number(args[1] ?? 0);
    return found;
  } as typeof indexOf;
  const { frames } = cut([...long]);
  t.equal(frames.length, 1);
  t.ok(searched < 8 * long.length, `${searched} bytes searched for ${long.length}`);
});
