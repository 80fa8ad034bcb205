/** Characters as their UTF-8 bytes, one latin1 character per byte, as message texts of the tests hold them. */
export function utf8(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

/** Bytes written in hexadecimal, white space ignored. */
export function hex(digits: string): string {
  return Buffer.from(digits.replace(/\s+/g, ""), "hex").toString("latin1");
}

/** The session description that most of the RFC's messages carry; the last line's CRLF is the message's. */
export function sdp(origin: string, options: { connection?: string; time?: string } = {}): string {
  const { connection = origin, time = "0 0" } = options;
  return [
    "v=0",
    `o=mhandley 29739 7272939 IN IP4 ${origin}`,
    "s=-",
    `c=IN IP4 ${connection}`,
    `t=${time}`,
    "m=audio 49217 RTP/AVP 0 12",
    "m=video 3227 RTP/AVP 31",
    "a=rtpmap:31 LPC",
  ].join("\r\n");
}
