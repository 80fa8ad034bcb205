import { found, hold, readVia } from "../grammar/grammar.ts";
import {
  BRANCH_END,
  BRANCH_START,
  HAS_RPORT,
  RECEIVED_END,
  RECEIVED_START,
  RPORT_AT,
  SENT_BY_END,
  SENT_BY_PORT,
  SENT_BY_START,
  TRANSPORT_END,
  TRANSPORT_START,
  VIA_END,
  VIA_START,
} from "../grammar/places.ts";

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
  readonly received: string | undefined;
  readonly start: number;
  /** Where the value ends: at the end of the header, or at the comma before the next Via of the same line. */
  readonly end: number;
  /** Position just behind the name of an `rport` without value, where its value is to be written; -1 otherwise. */
  readonly rportAt: number;
}

/** Parses the Via value that starts at `start`; undefined when malformed. Takes white space wherever §25.1 does. */
export function parseVia(text: string, start: number, end: number): Via | undefined {
  hold(text);
  return readVia(start, end) ? viaOf(text, found) : undefined;
}

/** The Via that was found in `text`. @param index with the places of places.ts */
export function viaOf(text: string, index: ArrayLike<number>): Via {
  const branchStart = index[BRANCH_START]!;
  const receivedStart = index[RECEIVED_START]!;
  const port = index[SENT_BY_PORT]!;
  return {
    transport: text.slice(index[TRANSPORT_START], index[TRANSPORT_END]),
    host: text.slice(index[SENT_BY_START], index[SENT_BY_END]),
    port: port === 0 ? undefined : port,
    branch: branchStart < 0 ? undefined : text.slice(branchStart, index[BRANCH_END]),
    rport: index[HAS_RPORT] === 1,
    received: receivedStart < 0 ? undefined : text.slice(receivedStart, index[RECEIVED_END]),
    start: index[VIA_START]!,
    end: index[VIA_END]!,
    rportAt: index[RPORT_AT]!,
  };
}

const MAGIC_COOKIE = "z9hG4bK";

/** Whether a branch is unique (§8.1.1.7). */
export function hasMagicCookie(branch: string): boolean {
  return branch.length > MAGIC_COOKIE.length && branch.startsWith(MAGIC_COOKIE);
}

/** The Via value as it stands in `head`, with the source that it came from written in (RFC 3261 §18.2.1, RFC 3581 §4). */
export function withSource(head: string, via: Via, address: string, port: number): string {
  const text =
    via.rportAt < 0
      ? head.slice(via.start, via.end)
      : `${head.slice(via.start, via.rportAt)}=${port}${head.slice(via.rportAt, via.end)}`;
  return tellsReceived(via, address) ? `${text};received=${address}` : text;
}

/** Whether the address that a Via came from has to be written into it. */
export function tellsReceived(via: Via, address: string): boolean {
  return via.received === undefined && (via.rport || via.host !== address);
}
