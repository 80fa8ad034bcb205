// Numbers of the headers that a proxy looks at (RFC 3261 §16), for both languages; every other header is OTHER and only
// passes through.

export const OTHER = 0;
export const VIA = 1;
export const FROM = 2;
export const TO = 3;
export const CALL_ID = 4;
export const CSEQ = 5;
export const MAX_FORWARDS = 6;
export const ROUTE = 7;
export const RECORD_ROUTE = 8;
export const CONTENT_LENGTH = 9;
export const PROXY_REQUIRE = 10;
export const PROXY_AUTHORIZATION = 11;
export const TIMESTAMP = 12;
export const RETRY_AFTER = 13;
export const REASON = 14;

/** One more than the largest id. */
export const HEADER_IDS = 15;
