import { parseUriIn, type SipUri } from "../uri.ts";

/** One value of a Route header, as positions in its message; what is asked for is made of them then. */
export class RouteValue {
  /** Index position of its header line. */
  readonly line: number;
  readonly start: number;
  readonly end: number;
  readonly uriStart: number;
  readonly uriEnd: number;
  private readonly message: string;
  private parsed: SipUri | undefined | null = null;

  /** @param message its text @param uri where that is within the value */
  constructor(
    message: string,
    line: number,
    start: number,
    end: number,
    uri: { readonly start: number; readonly end: number },
  ) {
    this.message = message;
    this.line = line;
    this.start = start;
    this.end = end;
    this.uriStart = uri.start;
    this.uriEnd = uri.end;
  }

  /** The whole value as it arrived. */
  get text(): string {
    return this.message.slice(this.start, this.end);
  }

  get uri(): string {
    return this.message.slice(this.uriStart, this.uriEnd);
  }

  /** The URI taken apart; undefined where it is no SIP URI. */
  get sip(): SipUri | undefined {
    if (this.parsed === null) this.parsed = parseUriIn(this.message, this.uriStart, this.uriEnd);
    return this.parsed;
  }
}
