import type { NameAddr } from "../name-addr.ts";
import { parseUriIn, type SipUri } from "../uri.ts";

/** One value of a Route header; what few ask for is made when they do. */
export class RouteValue {
  /** Index position of its header line. */
  readonly line: number;
  readonly start: number;
  readonly end: number;
  /** As it arrived, without angle brackets. */
  readonly uri: string;
  readonly uriStart: number;
  readonly uriEnd: number;
  private readonly message: string;
  private parsed: SipUri | undefined | null = null;

  /** @param message the text in which it stands */
  constructor(message: string, line: number, start: number, { uri, uriStart, end }: NameAddr) {
    this.message = message;
    this.line = line;
    this.start = start;
    this.end = end;
    this.uri = uri;
    this.uriStart = uriStart;
    this.uriEnd = uriStart + uri.length;
  }

  /** The whole value as it arrived. */
  get text(): string {
    return this.message.slice(this.start, this.end);
  }

  /** The URI taken apart; undefined where it is no SIP URI. */
  get sip(): SipUri | undefined {
    if (this.parsed === null) this.parsed = parseUriIn(this.message, this.uriStart, this.uriEnd);
    return this.parsed;
  }
}
