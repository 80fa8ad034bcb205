/** SIP text as the simulated actors and the oracle read it: written for them, so that no bug of src/sip is shared. */

const LONG_NAMES: Readonly<Record<string, string>> = {
  v: "via",
  f: "from",
  t: "to",
  i: "call-id",
  m: "contact",
  l: "content-length",
  c: "content-type",
  s: "subject",
  k: "supported",
  o: "event",
  e: "content-encoding",
};

export interface SimHeader {
  /** Long form, lower case. */
  readonly name: string;
  readonly value: string;
}

export interface SimVia {
  readonly text: string;
  readonly transport: string;
  readonly sentBy: string;
  readonly params: ReadonlyMap<string, string>;
  readonly branch: string | undefined;
}

export class SimMessage {
  readonly text: string;
  readonly start: string;
  readonly headers: readonly SimHeader[];
  readonly body: string;
  readonly isRequest: boolean;
  /** The method of a request, the method in the CSeq of a response. */
  readonly method: string;
  /** 0 for a request. */
  readonly status: number;
  readonly callId: string;
  readonly from: string;
  readonly to: string;
  readonly cseq: number;
  readonly #vias: SimVia[] = [];

  constructor(text: string) {
    this.text = text;
    const end = text.indexOf("\r\n\r\n");
    this.body = end < 0 ? "" : text.slice(end + 4);
    const lines = (end < 0 ? text : text.slice(0, end)).split("\r\n");
    this.start = lines[0]!;
    const headers: SimHeader[] = [];
    let callId = "";
    let from = "";
    let to = "";
    let cseq = "";
    for (let i = 1; i < lines.length; i++) {
      const line = lines[i]!;
      const colon = line.indexOf(":");
      const short = line.slice(0, colon).trim().toLowerCase();
      const name = LONG_NAMES[short] ?? short;
      const value = line.slice(colon + 1).trim();
      headers.push({ name, value });
      if (name === "call-id") callId = value;
      else if (name === "from") from = value;
      else if (name === "to") to = value;
      else if (name === "cseq") cseq = value;
      else if (name === "via") for (const one of value.split(",")) this.#vias.push(parseVia(one.trim()));
    }
    this.headers = headers;
    this.callId = callId;
    this.from = from;
    this.to = to;
    this.isRequest = !this.start.startsWith("SIP/2.0 ");
    this.status = this.isRequest ? 0 : Number(this.start.slice(8, 11));
    const space = cseq.indexOf(" ");
    this.cseq = Number(cseq.slice(0, space));
    this.method = this.isRequest ? this.start.slice(0, this.start.indexOf(" ")) : cseq.slice(space + 1);
  }

  get vias(): readonly SimVia[] {
    return this.#vias;
  }

  get requestUri(): string {
    return this.start.split(" ")[1] ?? "";
  }

  get fromTag(): string {
    return tagOf(this.from);
  }

  get toTag(): string {
    return tagOf(this.to);
  }

  value(name: string): string | undefined {
    return this.headers.find((header) => header.name === name)?.value;
  }

  /** All values of a header whose values are name-addrs, in order. */
  addresses(name: string): string[] {
    return this.headers.filter((header) => header.name === name).flatMap((header) => header.value.split(/,\s*(?=<)/));
  }

  /** One line for a trace. */
  get summary(): string {
    return `${this.start}  [${this.callId} ${this.cseq} ${this.method} ${this.#vias[0]?.branch ?? "no branch"}]`;
  }

  /** What tells one transaction of a requester from all its others: the top Via, with or without a branch. */
  get transactionId(): string {
    return this.idFor(this.method);
  }

  /** The transaction id that the same top Via has with another method. */
  idFor(method: string): string {
    const top = this.#vias[0];
    return `${top?.sentBy} ${top?.branch ?? ""} ${this.callId} ${this.cseq} ${method}`;
  }
}

function parseVia(text: string): SimVia {
  const [head, ...rest] = text.split(";");
  const space = head!.indexOf(" ");
  const params = new Map<string, string>();
  for (const param of rest) {
    const equals = param.indexOf("=");
    if (equals < 0) params.set(param, "");
    else params.set(param.slice(0, equals), param.slice(equals + 1));
  }
  return {
    text,
    transport: head!.slice(8, space).toLowerCase(),
    sentBy: head!.slice(space + 1),
    params,
    branch: params.get("branch"),
  };
}

function tagOf(value: string): string {
  return /;tag=([^;>]*)/.exec(value)?.[1] ?? "";
}

/** The URI inside `<…>`. */
export function uriOf(nameAddr: string): string {
  return nameAddr.slice(nameAddr.indexOf("<") + 1, nameAddr.indexOf(">"));
}

/** Header lines and a body to one message. */
export function writeMessage(lines: readonly string[], body = ""): SimMessage {
  return new SimMessage(`${lines.join("\r\n")}\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
}

/** An answer with what RFC 3261 §8.2.6.2 copies, and Record-Route where a dialog may come of it (§12.1.1). */
export function writeReply(
  request: SimMessage,
  status: number,
  toTag: string,
  more: readonly string[] = [],
  body = "",
): SimMessage {
  const to = status === 100 || request.toTag !== "" ? request.to : `${request.to};tag=${toTag}`;
  return writeMessage(
    [
      `SIP/2.0 ${status} Simulated`,
      ...request.headers.filter((header) => header.name === "via").map((header) => `Via: ${header.value}`),
      ...(status > 100 && status < 300 ? request.addresses("record-route").map((uri) => `Record-Route: ${uri}`) : []),
      `From: ${request.from}`,
      `To: ${to}`,
      `Call-ID: ${request.callId}`,
      `CSeq: ${request.cseq} ${request.method}`,
      ...more,
    ],
    body,
  );
}
