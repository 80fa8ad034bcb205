// What may be wrong with a message, for both languages.

export const NO_PROBLEM = 0;
/** The start line is not SIP. */
export const NOT_SIP = 1;
/** No empty line ends the headers. */
export const NO_END = 2;
/** The start line is that of a request, but for what stands in place of ` SIP/2.0`. */
export const VERSION_ODD = 3;
export const URI_HAS_SPACE = 4;
export const URI_MALFORMED = 5;
export const STRAY = 6;
export const NO_COLON = 7;
/** PROBLEM_START and PROBLEM_END tell the name. */
export const HEADER_TWICE = 8;
export const LENGTH_MALFORMED = 9;
export const LENGTH_TOO_LONG = 10;
export const VIA_MISSING = 11;
export const VIA_MALFORMED = 12;
export const FROM_MALFORMED = 13;
export const TO_MALFORMED = 14;
export const FROM_OR_TO_MISSING = 15;
export const CALL_ID_MALFORMED = 16;
export const CSEQ_MALFORMED = 17;
export const CSEQ_OTHER_METHOD = 18;
