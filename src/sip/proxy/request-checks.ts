import { Header } from "../header-names.ts";
import type { SipMessage } from "../message.ts";
import { uriKind } from "../uri.ts";

/** An answer that a request gets in place of being forwarded. */
export interface Refusal {
  readonly status: number;
  readonly explanation: string;
  /** Whole header lines. */
  readonly headers?: string;
}

/** The checks of RFC 3261 §16.3 that need the request alone (steps 2, 3 and 5). */
export function checkRequest(request: SipMessage): Refusal | undefined {
  // Step 2: scheme.
  if (request.uri === undefined) {
    const { requestUri } = request;
    return uriKind(requestUri) === "other"
      ? { status: 416, explanation: "only sip: and sips: Request-URIs are served here" }
      : { status: 400, explanation: "the Request-URI is not a valid SIP URI" };
  }
  if (request.uriHasHeaders) {
    // §19.1.1: headers have no place there; to drop them would change what was dialled.
    return { status: 400, explanation: "the Request-URI carries headers" };
  }
  // Step 3: Max-Forwards.
  const { hopsLeft } = request;
  if (hopsLeft === -1) return { status: 400, explanation: "Max-Forwards is not a number from 0 to 255" };
  if (hopsLeft === 0) return { status: 483, explanation: "Max-Forwards has run out" };
  // Step 5: Proxy-Require. We support no extension that a proxy could be required to.
  let unsupported = "";
  for (let i = request.find(Header.ProxyRequire); i >= 0; i = request.findNext(i)) {
    unsupported += `Unsupported: ${request.valueAt(i)}\r\n`;
  }
  if (unsupported !== "") {
    return {
      status: 420,
      explanation: "Proxy-Require names an extension that is not supported here",
      headers: unsupported,
    };
  }
  return undefined;
}

/** True for what opens a dialog, and for an OPTIONS outside of one, by which others see whether we take calls. */
export function asksForUs({ method, to }: SipMessage): boolean {
  return to!.tag === undefined && (method === "INVITE" || method === "SUBSCRIBE" || method === "OPTIONS");
}
