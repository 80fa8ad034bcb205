import { decimalAt, findByte, holdsAt, isDigit, parseDecimal, skipHost, skipLws, skipToken } from "./chars.ts";
import { ParamWalker } from "./params.ts";

/** One Via value (RFC 3261 §20.42), with positions in the head so that it can be edited in place. */
export interface Via {
  /** As written: `UDP`, `TCP`, `TLS`, … in any case. */
  readonly transport: string;
  /** sent-by host without brackets, as written. */
  readonly host: string;
  readonly port: number | undefined;
  /** The branch, or undefined: Microsoft clients send none. */
  readonly branch: string | undefined;
  /** True when a bare or filled `rport` is present (RFC 3581). */
  readonly rport: boolean;
  readonly rportValue: number | undefined;
  readonly received: string | undefined;
  readonly maddr: string | undefined;
  readonly start: number;
  /** Where the value ends: at the end of the header, or at the comma before the next Via of the same line. */
  readonly end: number;
  /** Position just behind the name of an `rport` without value, where its value is to be written; -1 otherwise. */
  readonly rportAt: number;
}

/**
 * Parses the Via value that starts at `start`; undefined when malformed. Takes white space wherever §25.1 does.
 * @param bytes the same as `text`
 */
export function parseVia(text: string, bytes: Uint8Array, start: number, end: number): Via | undefined {
  let i = skipLws(bytes, start, end);
  const valueStart = i;
  if (!holdsAt(bytes, i, "sip")) return undefined;
  i = skipLws(bytes, i + 3, end);
  if (bytes[i] !== 0x2f) return undefined;
  i = skipLws(bytes, i + 1, end);
  if (!holdsAt(bytes, i, "2.0")) return undefined;
  i = skipLws(bytes, i + 3, end);
  if (bytes[i] !== 0x2f) return undefined;
  i = skipLws(bytes, i + 1, end);
  const transportStart = i;
  i = skipToken(bytes, i, end);
  if (i === transportStart) return undefined;
  const transport = text.slice(transportStart, i);
  let hostStart = skipLws(bytes, i, end);
  if (hostStart === i || hostStart >= end) return undefined;
  let hostEnd: number;
  if (bytes[hostStart] === 0x5b) {
    hostEnd = findByte(bytes, 0x5d, ++hostStart, end);
    i = hostEnd + 1;
  } else i = hostEnd = skipHost(bytes, hostStart, end);
  if (hostEnd <= hostStart) return undefined;
  const host = text.slice(hostStart, hostEnd);
  i = skipLws(bytes, i, end);
  let port: number | undefined;
  if (i < end && bytes[i] === 0x3a) {
    const portStart = skipLws(bytes, i + 1, end);
    i = portStart;
    while (i < end && isDigit(bytes[i]!)) i++;
    port = decimalAt(bytes, portStart, i, 65535);
    if (port <= 0) return undefined;
  }
  let branch: string | undefined;
  let rport = false;
  let rportValue: number | undefined;
  let rportAt = -1;
  let received: string | undefined;
  let maddr: string | undefined;
  const params = ParamWalker.over(text, bytes, i, end);
  while (params.next()) {
    if (params.is("branch")) branch = params.value;
    else if (params.is("rport")) {
      rport = true;
      if (params.hasValue) {
        rportValue = parseDecimal(params.value, 0, params.value.length, 65535);
        if (rportValue <= 0) return undefined;
      } else rportAt = params.nameEnd;
    } else if (params.is("received")) received = params.value;
    else if (params.is("maddr")) maddr = params.value;
  }
  if (params.malformed) return undefined;
  return {
    transport,
    host,
    port,
    branch,
    rport,
    rportValue,
    received,
    maddr,
    start: valueStart,
    end: params.position,
    rportAt,
  };
}

const MAGIC_COOKIE = "z9hG4bK";

/** Whether the branch is unique (§8.1.1.7). */
export function hasMagicCookie(via: Via | undefined): boolean {
  const branch = via?.branch;
  return branch !== undefined && branch.length > MAGIC_COOKIE.length && branch.startsWith(MAGIC_COOKIE);
}

/** The Via value as it stands in `head`, with the source that it came from written in (RFC 3261 §18.2.1, RFC 3581 §4). */
export function withSource(head: string, via: Via, address: string, port: number): string {
  const text =
    via.rportAt < 0
      ? head.slice(via.start, via.end)
      : `${head.slice(via.start, via.rportAt)}=${port}${head.slice(via.rportAt, via.end)}`;
  const tells = via.received === undefined && (via.rport || via.host !== address);
  return tells ? `${text};received=${address}` : text;
}
