/**
 * The sample actors' own reader and writer of SIP text. It shares nothing with src/sip, so that the actors are an
 * honest counterpart to it, and it is as strict as the legacy client: long header names only (SIPE 1.25.0 finds
 * neither `i:` nor `l:`).
 */

/** One SIP message; header names, their order and their values are kept as they were on the wire. */
export interface SipText {
  readonly startLine: string;
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>;
  readonly body: Buffer;
}

const EMPTY = Buffer.alloc(0);

/** Builds a message; Content-Length is added last, always in its long form. */
export function sipText(
  startLine: string,
  headers: ReadonlyArray<readonly [string, string]>,
  body: string | Buffer = EMPTY,
): SipText {
  const bytes = typeof body === "string" ? Buffer.from(body, "utf8") : body;
  return { startLine, headers: [...headers, ["Content-Length", String(bytes.length)]], body: bytes };
}

/** The bytes of a message as they go onto a connection. */
export function serialise(message: SipText): Buffer {
  const lines = message.headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return Buffer.concat([Buffer.from(`${message.startLine}\r\n${lines}\r\n`, "latin1"), message.body]);
}

/** Reads a head (start line and headers, without the empty line); folded lines are joined. Throws on a line without colon. */
export function parseHead(head: string): Omit<SipText, "body"> {
  const [startLine = "", ...lines] = head.replace(/\r\n[ \t]+/g, " ").split("\r\n");
  if (!/^SIP\/2\.0 \d{3} |^[A-Z]+ \S+ SIP\/2\.0$/.test(startLine)) {
    throw new Error(`not a SIP start line: "${startLine.slice(0, 60)}"`);
  }
  const headers = lines.map((line): readonly [string, string] => {
    const colon = line.indexOf(":");
    if (colon < 1) throw new Error(`not a header line: "${line.slice(0, 60)}"`);
    return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
  });
  return { startLine, headers };
}

/** The first value of a header, by its long name in any case. */
export function header(message: Omit<SipText, "body">, name: string): string | undefined {
  return values(message, name)[0];
}

/** All values of a header, one per line, in order. */
export function values(message: Omit<SipText, "body">, name: string): string[] {
  const wanted = name.toLowerCase();
  return message.headers.filter(([key]) => key.toLowerCase() === wanted).map(([, value]) => value);
}

/** The method of a request; of a response, the method in its CSeq. */
export function methodOf(message: SipText): string {
  return isRequest(message) ? message.startLine.split(" ", 1)[0]! : (header(message, "CSeq")?.split(/\s+/)[1] ?? "?");
}

export function isRequest(message: SipText): boolean {
  return !message.startLine.startsWith("SIP/2.0 ");
}

/** The status code of a response, 0 for a request. */
export function statusOf(message: SipText): number {
  return isRequest(message) ? 0 : Number(message.startLine.slice(8, 11));
}

/** The Request-URI of a request. */
export function requestUri(message: SipText): string {
  return message.startLine.split(" ")[1] ?? "";
}

/** The URI inside a name-addr or addr-spec, header parameters cut off (RFC 3261 §20.10). */
export function uriIn(value: string | undefined): string {
  if (value === undefined) return "";
  const open = value.indexOf("<");
  if (open < 0) return value.split(";", 1)[0]!.trim();
  const close = value.indexOf(">", open);
  return close < 0 ? "" : value.slice(open + 1, close);
}

/** A header parameter that stands after the URI, such as `tag` or `epid`; undefined when it is absent. */
export function parameter(value: string | undefined, name: string): string | undefined {
  if (value === undefined) return undefined;
  const rest = value.slice(value.lastIndexOf(">") + 1);
  for (const part of rest.split(";").slice(1)) {
    const [key = "", content = ""] = part.split("=", 2);
    if (key.trim().toLowerCase() === name) return content.trim();
  }
  return undefined;
}

/** The hops of Via, Route or Record-Route lines, one each, in order; commas inside angle brackets or quotes do not split. */
export function hops(lines: readonly string[]): string[] {
  return lines.flatMap((line) => line.match(/(?:<[^>]*>|"[^"]*"|[^,<"])+/g) ?? []).map((hop) => hop.trim());
}

/** What the actors need of a SIP URI. `parameters` keeps text and order, without the leading semicolon. */
export interface UriParts {
  readonly user: string;
  /** In lower case, without the brackets of an IPv6 literal. */
  readonly host: string;
  readonly port: number | undefined;
  readonly parameters: string;
}

/** Splits a SIP URI; throws when it is none. */
export function uriParts(uri: string): UriParts {
  const match = /^sips?:(?:([^@]*)@)?(\[[^\]]+\]|[^:;?\]]+)(?::(\d+))?(?:;([^?]*))?(?:\?.*)?$/i.exec(uri);
  if (match === null) throw new Error(`not a SIP URI: "${uri}"`);
  return {
    user: match[1] ?? "",
    host: match[2]!.replace(/^\[|\]$/g, "").toLowerCase(),
    port: match[3] === undefined ? undefined : Number(match[3]),
    parameters: match[4] ?? "",
  };
}

/** `address:port`, with brackets around an IPv6 literal. */
export function hostPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** A response with the headers that RFC 3261 §8.2.6.2 copies; `toTag` is added where the To has none. */
export function responseTo(
  request: SipText,
  status: string,
  more: { toTag?: string; headers?: ReadonlyArray<readonly [string, string]>; body?: string } = {},
): SipText {
  const copied = request.headers
    .filter(([name]) => /^(via|from|to|call-id|cseq)$/i.test(name))
    .map(([name, value]): readonly [string, string] =>
      name.toLowerCase() === "to" && more.toTag !== undefined && parameter(value, "tag") === undefined
        ? [name, `${value};tag=${more.toTag}`]
        : [name, value],
    );
  return sipText(`SIP/2.0 ${status}`, [...copied, ...(more.headers ?? [])], more.body);
}
