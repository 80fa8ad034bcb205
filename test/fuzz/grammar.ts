import type { SimRandom } from "../support/sim-random.ts";

/**
 * SIP messages drawn from a grammar that is a little wider than RFC 3261's: most are right, some are wrong in one place,
 * few in many.
 */
export class SipGrammar {
  readonly #random: SimRandom;
  #counter = 0;

  constructor(random: SimRandom) {
    this.#random = random;
  }

  message(): string {
    const random = this.#random;
    const method = random.pick(METHODS);
    const isResponse = random.chance(0.2);
    const start = isResponse
      ? `SIP/2.0 ${random.pick(["100", "180", "200", "302", "404", "487", "503", "699", "99", "2000", "+10"])} ${random.pick(["OK", "", "\u00e9", "x".repeat(300)])}`
      : `${method} ${this.uri()} ${random.chance(0.97) ? "SIP/2.0" : random.pick(["SIP/3.0", "SIP/2", "sip/2.0", ""])}`;
    const body = random.chance(0.2) ? random.pick(BODIES) : "";
    const lines = [
      `${this.#name("Via")}${this.via()}`,
      ...(random.chance(0.4) ? [`${this.#name("Via")}${this.via()}`] : []),
      `${this.#name("From")}${this.nameAddr()}${random.chance(0.95) ? `;tag=${this.token()}` : ""}`,
      `${this.#name("To")}${this.nameAddr()}${random.chance(0.4) ? `;tag=${random.chance(0.9) ? this.token() : ""}` : ""}`,
      `${this.#name("Call-ID")}${random.chance(0.3) ? `call-${random.int(0, 20)}` : this.token()}`,
      `${this.#name("CSeq")}${this.number()} ${isResponse || random.chance(0.97) ? method : random.pick(METHODS)}`,
      ...(random.chance(0.8) ? [`Max-Forwards: ${this.number()}`] : []),
      ...(random.chance(0.3) ? [`Route: ${this.#route()}`] : []),
      ...(random.chance(0.1) ? [`Route: ${this.#route()}, ${this.#route()}`] : []),
      ...(random.chance(0.15) ? [`Record-Route: ${this.#route()}`] : []),
      ...(random.chance(0.3) ? [`${this.#name("Contact")}${this.nameAddr()}`] : []),
      ...(random.chance(0.2) ? [`${random.pick(ODD_NAMES)}: ${random.pick(ODD_VALUES)}`] : []),
      ...(random.chance(0.03) ? [`Proxy-Require: ${this.token()}`] : []),
      ...(random.chance(0.03) ? [random.pick(["no colon", ": no name", "X-a : smuggled", " fold", "X\r\n\t: x"])] : []),
      `${this.#name("Content-Length")}${random.chance(0.93) ? body.length : this.number()}`,
    ];
    if (random.chance(0.2)) lines.sort(() => (random.chance(0.5) ? 1 : -1));
    if (random.chance(0.05)) lines.push(random.pick(lines));
    if (random.chance(0.05)) lines.splice(random.int(0, lines.length - 1), 1);
    return `${start}\r\n${lines.join("\r\n")}\r\n\r\n${body}`;
  }

  uri(): string {
    const random = this.#random;
    const scheme = random.weighted({ "sip:": 80, "sips:": 8, "SIP:": 3, "tel:": 2, "http:": 1, "": 1, sip: 1 });
    const user = random.weighted({
      "ocschat@": 40,
      "OCSChat@": 10,
      "": 20,
      "a%00b@": 2,
      "a;b=c@": 3,
      "u:p@": 3,
      "@": 1,
    });
    return `${scheme}${user}${this.host()}${random.chance(0.3) ? `:${this.number()}` : ""}${this.params(2)}${random.chance(0.03) ? "?a=b" : ""}`;
  }

  via(): string {
    const random = this.#random;
    const protocol = random.weighted({
      "SIP/2.0/UDP": 50,
      "SIP/2.0/tcp": 20,
      "SIP / 2.0 / TLS": 5,
      "SIP/2.0": 1,
      "SIP/2.0/\r\n UDP": 1,
    });
    const branch = random.weighted({ own: 20, unique: 60, none: 10, long: 2, empty: 2 });
    const value = {
      own: `z9hG4bK.x.${random.int(0, 50)}`,
      unique: `z9hG4bK${this.#counter++}`,
      none: undefined,
      long: `z9hG4bK${"b".repeat(random.pick([300, 5000, 70_000]))}`,
      empty: "",
    }[branch];
    return `${protocol} ${this.host()}${random.chance(0.5) ? `:${this.number()}` : ""}${value === undefined ? "" : `;branch=${value}`}${random.chance(0.3) ? ";rport" : ""}${this.params(2)}`;
  }

  nameAddr(): string {
    const random = this.#random;
    const uri = this.uri();
    if (random.chance(0.1)) return uri;
    const name = random.weighted({
      "": 50,
      "Bob ": 5,
      '"B, >;tag=no" ': 5,
      '"open ': 1,
      '"a\\"b" ': 3,
      '"\u00c3\u00a9"': 3,
      '"a\\\0" ': 1,
    });
    return `${name}<${uri}${random.chance(0.98) ? ">" : ""}`;
  }

  params(most: number): string {
    const random = this.#random;
    let text = "";
    for (let i = random.int(0, most); i > 0; i--) {
      text += `;${random.pick(PARAMETERS)}${random.chance(0.7) ? `=${random.chance(0.8) ? this.token() : random.pick(ODD_VALUES)}` : ""}`;
    }
    return text;
  }

  host(): string {
    return this.#random.pick(HOSTS);
  }

  number(): string {
    return this.#random.chance(0.85) ? String(this.#random.int(1, 70)) : this.#random.pick(NUMBERS);
  }

  token(): string {
    return this.#random.chance(0.97) ? `t${this.#random.int(0, 1_000_000)}` : this.#random.pick(ODD_VALUES);
  }

  #route(): string {
    const ours = this.#random.chance(0.6);
    return `<sip:${ours ? "gw.contoso.com:5060" : this.host()}${this.#random.chance(0.9) ? ";lr" : ""}${this.params(1)}>`;
  }

  /** A header name with its colon, long or compact, in any case. */
  #name(name: string): string {
    const random = this.#random;
    const compact = { Via: "v", From: "f", To: "t", "Call-ID": "i", Contact: "m", "Content-Length": "l" }[name];
    const spelt = random.weighted({ long: 85, compact: 8, upper: 4 });
    const text = spelt === "compact" ? (compact ?? name) : spelt === "upper" ? name.toUpperCase() : name;
    return `${text}${random.weighted({ ": ": 90, ":": 3, " : ": 4, ":\r\n ": 2, "\t:\t": 1 })}`;
  }
}

const METHODS = [
  "INVITE",
  "INVITE",
  "INVITE",
  "ACK",
  "BYE",
  "CANCEL",
  "INFO",
  "OPTIONS",
  "MESSAGE",
  "REGISTER",
  "UPDATE",
  "PRACK",
  "X-%!",
] as const;
const HOSTS = [
  "contoso.com",
  "gw.contoso.com",
  "10.1.0.1",
  "10.2.0.1",
  "[2001:db8::1]",
  "pcpool.contoso.com",
  "[::",
  "-",
  "a".repeat(300),
  "1.2.3.4.5",
  "[v1.x]",
  "xn--e1afmkfd.com",
] as const;
const NUMBERS = [
  "0",
  "1.5e10",
  "+10",
  "-1",
  "65535",
  "65536",
  "2147483648",
  "99999999999999999999",
  "",
  "0x10",
  "1e3",
  " 7 ",
  "\u0661",
  "NaN",
] as const;
const PARAMETERS = [
  "__proto__",
  "constructor",
  "tag",
  "lr",
  "transport",
  "maddr",
  "ttl",
  "received",
  "rport",
  "branch",
  "hasOwnProperty",
  "x",
] as const;
const ODD_NAMES = [
  "__proto__",
  "constructor",
  "toString",
  "X-a",
  "Subject",
  "Content-length2",
  "Timestamp",
  "Retry-After",
  "Reason",
] as const;
const ODD_VALUES = [
  "__proto__",
  '"',
  '"open',
  "<",
  ">",
  "\0",
  "a\r\n \0b",
  ",,,",
  ";;;",
  "%",
  "%00",
  "\u00ff\u00fe",
  "=",
  "a=b=c",
  "[",
  "x".repeat(2000),
  "1.5e10",
  "+10",
  "\\",
  '"\\',
] as const;
const BODIES = [
  "v=0\r\no=- 0 0 IN IP4 10.1.4.23\r\n",
  "\r\n\r\n",
  "\0\0",
  "INVITE sip:a@b SIP/2.0\r\n\r\n",
  "x".repeat(5000),
] as const;
