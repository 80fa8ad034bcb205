/** The messages of the bench's calls: a legacy client's, about as long as Lync writes them. */

export interface CallText {
  /** `UDP`, `TCP` or `TLS`. */
  readonly via: string;
  /** `address:port` of the side that sends. */
  readonly local: string;
  /** Different for each call. */
  readonly id: string;
  /** The address dialled, `sip:…`. */
  readonly to: string;
}

const SDP =
  "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=session\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=message 5060 sip null\r\n" +
  "a=accept-types:text/plain text/html\r\na=setup:active\r\n";

/** A request that starts a dialog. */
export function initial(method: "INVITE" | "SUBSCRIBE", call: CallText): string {
  const own =
    method === "INVITE"
      ? "Allow: INVITE, ACK, CANCEL, BYE, INFO, OPTIONS, UPDATE, NOTIFY, MESSAGE\r\n" +
        "Supported: replaces, timer, ms-early-media\r\n" +
        `Content-Type: application/sdp\r\nContent-Length: ${SDP.length}\r\n\r\n${SDP}`
      : "Event: presence\r\nAccept: application/pidf+xml\r\nExpires: 3600\r\nContent-Length: 0\r\n\r\n";
  return (
    `${method} ${call.to} SIP/2.0\r\n${head(call, "i", "", `<${call.to}>`, `1 ${method}`)}` +
    `Contact: <sip:alice@${call.local}${transportParam(call)}>\r\nUser-Agent: UCCAPI/4.0.7577.0 OC/4.0.7577.0\r\n${own}`
  );
}

/** The ACK of an answer that is no 2xx (§17.1.1.3). @param to the To of the answer */
export function ackOfFailure(call: CallText, to: string): string {
  return `ACK ${call.to} SIP/2.0\r\n${head(call, "i", "", to, "1 ACK")}Content-Length: 0\r\n\r\n`;
}

/**
 * A request inside the dialog. @param target the remote target. @param routes whole Route lines. @param to the To with its tag
 */
export function inDialog(
  method: "ACK" | "INFO" | "BYE",
  call: CallText,
  dialog: { readonly target: string; readonly routes: string; readonly to: string },
): string {
  const cseq = { ACK: 1, INFO: 2, BYE: 3 }[method];
  return (
    `${method} ${dialog.target} SIP/2.0\r\n${head(call, method[0]!, dialog.routes, dialog.to, `${cseq} ${method}`)}` +
    "User-Agent: UCCAPI/4.0.7577.0 OC/4.0.7577.0\r\nContent-Length: 0\r\n\r\n"
  );
}

/** The branch of a request of this call; `mark` sets its requests apart. */
export function branchOf(call: CallText, mark: string): string {
  return `z9hG4bK${call.id}${mark}`;
}

function head(call: CallText, mark: string, routes: string, to: string, cseq: string): string {
  return (
    `Via: SIP/2.0/${call.via} ${call.local};branch=${branchOf(call, mark)}\r\n${routes}Max-Forwards: 70\r\n` +
    `From: "Alice Loadtest" <sip:alice@contoso.com>;tag=f${call.id}\r\nTo: ${to}\r\n` +
    `Call-ID: ${call.id}@127.0.0.1\r\nCSeq: ${cseq}\r\n`
  );
}

/** A pool's answer to a request whose headers are given as they came. */
export function answer(status: string, headers: AnswerHeaders, toTag: string, more: string, withBody = false): string {
  const body = withBody
    ? `Content-Type: application/sdp\r\nContent-Length: ${SDP.length}\r\n\r\n${SDP}`
    : "Content-Length: 0\r\n\r\n";
  const tag = toTag === "" ? "" : `;tag=${toTag}`;
  return (
    `SIP/2.0 ${status}\r\n${headers.vias}${headers.recordRoutes}From: ${headers.from}\r\nTo: ${headers.to}${tag}\r\n` +
    `Call-ID: ${headers.callId}\r\nCSeq: ${headers.cseq}\r\n${more}${body}`
  );
}

export interface AnswerHeaders {
  /** Whole lines. */
  readonly vias: string;
  /** Whole lines. */
  readonly recordRoutes: string;
  readonly from: string;
  readonly to: string;
  readonly callId: string;
  readonly cseq: string;
}

/** `;transport=…` for a Contact, or nothing for UDP. */
export function transportParam(call: CallText): string {
  return call.via === "UDP" ? "" : `;transport=${call.via.toLowerCase()}`;
}
