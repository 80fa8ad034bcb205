/** Stands for the values of a template while its lines are brought into shape. */
const HOLE = "\ue000";

/**
 * A SIP message written down as text: the indentation of the first line of text is taken off all lines, LF becomes CRLF, and
 * an empty line is added where there is none. Characters stand for bytes (latin1), backslashes for themselves; values
 * are put in as they are.
 */
export function sip(parts: TemplateStringsArray, ...values: readonly (string | number)[]): string {
  const lines = parts.raw.join(HOLE).replace(/^\n/, "").split("\n");
  if (/^ *$/.test(lines.at(-1)!)) lines.pop();
  const indent = /^ */.exec(lines.find((line) => line.trim() !== "")!)![0].length;
  const dedented = lines.map((line) => line.slice(indent));
  if (!dedented.includes("")) dedented.push("");
  let next = 0;
  return `${dedented.join("\r\n")}\r\n`.replaceAll(HOLE, () => String(values[next++]));
}

/** Names of one letter and what they stand for (RFC 3261 §7.3.3 and later registrations). */
const LONG_NAMES: Readonly<Record<string, string>> = {
  c: "Content-Type",
  e: "Content-Encoding",
  f: "From",
  i: "Call-ID",
  k: "Supported",
  l: "Content-Length",
  m: "Contact",
  o: "Event",
  r: "Refer-To",
  s: "Subject",
  t: "To",
  u: "Allow-Events",
  v: "Via",
  x: "Session-Expires",
  b: "Referred-By",
};

/** The long form of a header name, in lower case, for comparison. */
export function longName(name: string): string {
  const lower = name.toLowerCase();
  return Object.hasOwn(LONG_NAMES, lower) ? LONG_NAMES[lower]!.toLowerCase() : lower;
}

export interface HeaderLine {
  /** As it stands on the wire. */
  readonly name: string;
  /** Without white space around it; folding kept. */
  readonly value: string;
}

/** A message off the wire, taken apart without any help from the code under test. */
export class Message {
  readonly bytes: Buffer;
  /** latin1: one character per byte. */
  readonly text: string;
  readonly startLine: string;
  readonly headers: readonly HeaderLine[];
  readonly body: string;
  /** When the core sent it. */
  readonly at: number;

  constructor(bytes: Buffer | string, at = 0) {
    this.bytes = typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes;
    this.at = at;
    this.text = this.bytes.toString("latin1");
    const end = this.text.indexOf("\r\n\r\n");
    if (end < 0) throw new Error(`no empty line in ${JSON.stringify(this.text)}`);
    this.body = this.text.slice(end + 4);
    const [startLine, ...lines] = this.text.slice(0, end).split(/\r\n(?![ \t])/);
    this.startLine = startLine!;
    this.headers = lines.map((line) => {
      const colon = line.indexOf(":");
      return { name: line.slice(0, colon).trimEnd(), value: line.slice(colon + 1).trim() };
    });
  }

  /** 0 for a request. */
  get status(): number {
    return Number(/^SIP\/2\.0 (\d{3}) /.exec(this.startLine)?.[1] ?? 0);
  }

  get method(): string {
    return this.startLine.split(" ")[0]!;
  }

  get requestUri(): string {
    return this.startLine.split(" ")[1]!;
  }

  /** The values of all lines with this name, in long or compact form, as they stand. */
  all(name: string): string[] {
    return this.headers.filter((line) => longName(line.name) === longName(name)).map((line) => line.value);
  }

  /** All values of a list header, commas taken apart. */
  list(name: string): string[] {
    return this.all(name).flatMap((value) => splitCommas(value));
  }

  /** The value of a header that stands exactly once. @throws otherwise */
  one(name: string): string {
    const values = this.all(name);
    if (values.length !== 1) throw new Error(`${name} stands ${values.length} times in\n${this.text}`);
    return values[0]!;
  }

  /** The branch of the topmost Via. */
  get branch(): string {
    return parameter(this.list("Via")[0] ?? "", "branch") ?? "";
  }

  /** The tag of To. */
  get toTag(): string | undefined {
    return parameter(this.one("To"), "tag");
  }

  /** What a server answers to this request: Vias, From, To (tag added), Call-ID and CSeq of the request. */
  reply(status: string, options: { toTag?: string; headers?: string; body?: string } = {}): string {
    const copied = this.headers
      .filter(({ name }) => ["via", "record-route", "from", "to", "call-id", "cseq"].includes(longName(name)))
      .filter(({ name }) => longName(name) !== "record-route" || /^(18|2)/.test(status))
      .map(({ name, value }) => {
        const tagged = longName(name) !== "to" || status.startsWith("100") || parameter(value, "tag") !== undefined;
        return `${name}: ${value}${tagged ? "" : `;tag=${options.toTag ?? "pool-tag"}`}\r\n`;
      })
      .join("");
    const { headers = "", body = "" } = options;
    return `SIP/2.0 ${status}\r\n${copied}${headers}Content-Length: ${body.length}\r\n\r\n${body}`;
  }
}

/** A header parameter's value; undefined where it is missing, "" where it stands alone. */
export function parameter(value: string, name: string): string | undefined {
  const outside = value.replace(/"(?:[^"\\]|\\.)*"/g, "").replace(/<[^>]*>/g, "");
  const found = new RegExp(`;\\s*${name}\\s*(?:=\\s*([^;,\\s]*))?(?=\\s*(?:[;,]|$))`, "i").exec(outside);
  return found === null ? undefined : (found[1] ?? "");
}

/** Splits at commas that stand outside of quotes and angle brackets. */
function splitCommas(value: string): string[] {
  return (value.match(/(?:"(?:[^"\\]|\\.)*"|<[^>]*>|[^,"<])+/g) ?? []).map((part) => part.trim());
}
