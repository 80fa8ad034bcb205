/** Headers whose value would let a reader of the log act as somebody else (RFC 3261 §20.7, §20.28). */
const CREDENTIALS = /^((?:proxy-)?authorization[ \t]*:[ \t]*)([^\s,]+)[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*/gim;

/** A SIP message as text for the log: the scheme of its credentials stays, the credentials do not. */
export function redactMessage(bytes: Buffer): string {
  return bytes.toString("latin1").replace(CREDENTIALS, "$1$2 [redacted]");
}
