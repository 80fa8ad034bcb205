// What is found in a text, and at which place of `found` it stands, for both languages. Starts and ends are positions in
// the text; a start of -1 says that the thing is not there.

/** For each header id the place of its first line in the index of a message, or -1. */
export const FIRST_LINES = 0;

export const METHOD = 15;
export const METHOD_END = 16;
/** Of a response; 0 for a request. */
export const STATUS = 17;
export const REQUEST_URI_START = 18;
export const REQUEST_URI_END = 19;
export const HEADERS_START = 20;
/** The empty line behind the headers. */
export const HEADERS_END = 21;
/** Behind the body, as Content-Length tells. */
export const TEXT_END = 22;
/** 1 where some header has a one-letter name (§7.3.3). */
export const COMPACT_NAMES = 23;

/** 1 for sip, 2 for sips, 0 where the URI is none of them or malformed. */
export const URI_SCHEME = 24;
export const USER_START = 25;
export const USER_END = 26;
export const HOST_START = 27;
export const HOST_END = 28;
/** 1 where the host has a capital letter, or one that is not ASCII. */
export const HOST_HAS_CAPITALS = 29;
/** 0 where there is none. */
export const PORT = 30;
export const URI_PARAMS_START = 31;
/** Where the headers of the URI begin (§19.1.1), if it has any, or else it ends. */
export const URI_PARAMS_END = 32;

export const VIA_START = 33;
export const VIA_END = 34;
export const TRANSPORT_START = 35;
export const TRANSPORT_END = 36;
export const SENT_BY_START = 37;
export const SENT_BY_END = 38;
/** 0 where there is none. */
export const SENT_BY_PORT = 39;
export const BRANCH_START = 40;
export const BRANCH_END = 41;
/** 1 where the branch is unique (§8.1.1.7). */
export const BRANCH_IS_UNIQUE = 42;
/** 1 where there is an rport (RFC 3581), with a value or without. */
export const HAS_RPORT = 43;
/** Behind the name of an rport without value; -1 where there is none. */
export const RPORT_AT = 44;
export const RECEIVED_START = 45;
export const RECEIVED_END = 46;

/** From and To, each with the places from VALUE_END to TAG_END. */
export const FROM_ADDR = 47;
export const TO_ADDR = 52;
/** Where the value ends; -1 where it is malformed. */
export const VALUE_END = 0;
export const ADDR_URI_START = 1;
export const ADDR_URI_END = 2;
export const TAG_START = 3;
export const TAG_END = 4;

/** -1 where the CSeq is malformed. */
export const CSEQ_NUMBER = 57;
export const CSEQ_METHOD = 58;
export const CSEQ_METHOD_START = 59;
export const CSEQ_METHOD_END = 60;

/** What Max-Forwards says, from 0 to 255; -1 where it is anything else, -2 where it is missing. */
export const HOPS_LEFT = 61;
/** What is wrong with the message, see problems.ts. */
export const PROBLEM = 62;
export const PROBLEM_START = 63;
export const PROBLEM_END = 64;
/** Behind the last of the places that the lines of its headers take. */
export const LINES_END = 65;
/**
 * Where these begin, which follow in the index of a message, LINE_PLACES each: id, start of the line, start and end of
 * the value. Behind the last one the empty line stands like another one, as far as its start.
 */
export const LINES = 66;
export const LINE_PLACES = 4;

// From here on what is no part of a message, and in the index of none: there its lines stand at these places.

/** A name-addr that stands by itself. */
export const NAME_ADDR = 66;

/** The parameter that the walk stands at. */
export const PARAM_NAME_START = 71;
export const PARAM_NAME_END = 72;
export const PARAM_VALUE_START = 73;
export const PARAM_VALUE_END = 74;

/** How many places there are, but for those of lines. */
export const PLACES = 75;
