import * as invalid from "./invalid-messages.ts";
import * as semantic from "./semantic-messages.ts";
import * as valid from "./valid-messages.ts";

/** What a proxy that sends everything to one pool does with a message of RFC 4475. */
export type Treatment =
  /** The request reaches the pool with nothing changed but what §16.6 asks for, and the pool's 200 comes back. */
  | "forward"
  /** A response that reaches the caller byte for byte, but only as the answer to a request of ours (RFC 6026). */
  | "relay"
  /** A response that ends here: taken note of, or thrown away, but never sent on. */
  | "absorb"
  /** We ourselves answer with this status, and the pool hears nothing. */
  | number;

export interface TortureCase {
  readonly name: string;
  readonly section: string;
  readonly title: string;
  readonly message: string;
  readonly treatment: Treatment;
  /** For what the RFC leaves open, or what it says of a proxy in particular. */
  readonly why?: string;
}

type Row = readonly [section: string, title: string, treatment: Treatment, why?: string];

const VALID: Readonly<Record<Exclude<keyof typeof valid, "dblreqRegister">, Row>> = {
  wsinv: [
    "3.1.1.1",
    "A Short Tortuous INVITE",
    "forward",
    "our default route is a loose router and keeps the Route (RFC 3261 §16.6 step 6)",
  ],
  intmeth: ["3.1.1.2", "Wide Range of Valid Characters", "forward"],
  esc01: ["3.1.1.3", "Valid Use of the % Escaping Mechanism", "forward"],
  escnull: ["3.1.1.4", "Escaped Nulls in URIs", "forward"],
  esc02: ["3.1.1.5", "Use of % When It Is Not an Escape", "forward"],
  lwsdisp: ["3.1.1.6", "Message with No LWS between Display Name and <", "forward"],
  longreq: ["3.1.1.7", "Long Values in Header Fields", "forward"],
  dblreq: ["3.1.1.8", "Extra Trailing Octets in a UDP Datagram", "forward", "the octets behind the body are noise"],
  semiuri: ["3.1.1.9", "Semicolon-Separated Parameters in URI User Part", "forward"],
  transports: ["3.1.1.10", "Varied and Unknown Transport Types", "forward"],
  mpart01: ["3.1.1.11", "Multipart MIME Message", "forward", "its Route is the element that it was sent to, so us"],
  unreason: ["3.1.1.12", "Unusual Reason Phrase", "relay"],
  noreason: ["3.1.1.13", "Empty Reason Phrase", "absorb", "a 100 goes one hop only (RFC 3261 §16.7 step 5)"],
};

const INVALID: Readonly<Record<keyof typeof invalid, Row>> = {
  badinv01: ["3.1.2.1", "Extraneous Header Field Separators", 400],
  clerr: ["3.1.2.2", "Content Length Larger Than Message", 400],
  ncl: ["3.1.2.3", "Negative Content-Length", 400],
  scalar02: ["3.1.2.4", "Request Scalar Fields with Overlarge Values", 400, "CSeq alone demands it"],
  scalarlg: ["3.1.2.5", "Response Scalar Fields with Overlarge Values", "absorb"],
  quotbal: ["3.1.2.6", "Unterminated Quoted String in Display Name", 400, "where the quote should end is a guess"],
  ltgtruri: ["3.1.2.7", "<> Enclosing Request-URI", 400, "repairing it would change what was dialled"],
  lwsruri: ["3.1.2.8", "Malformed SIP Request-URI (embedded LWS)", 400, "repairing it would change what was dialled"],
  lwsstart: ["3.1.2.9", "Multiple SP Separating Request-Line Elements", 400, "no known client sends it"],
  trws: ["3.1.2.10", "SP Characters at End of Request-Line", 400, "no known client sends it"],
  escruri: ["3.1.2.11", "Escaped Headers in SIP Request-URI", 400, "dropping them would change what was dialled"],
  baddate: [
    "3.1.2.12",
    "Invalid Time Zone in Date Header Field",
    "forward",
    "to be refused only by who uses Date; a proxy does not",
  ],
  regbadct: [
    "3.1.2.13",
    "Failure to Enclose name-addr URI in <>",
    "forward",
    "Contact is the registrar's matter; a proxy does not read it (RFC 3261 §16.3 step 1)",
  ],
  badaspec: ["3.1.2.14", "Spaces within addr-spec", 400, "To is copied into what we make ourselves: it must be sound"],
  baddn: ["3.1.2.15", "Non-token Characters in Display Name", 400, "the comma may as well part two addresses"],
  badvers: ["3.1.2.16", "Unknown Protocol Version", 505],
  mismatch01: ["3.1.2.17", "Start Line and CSeq Method Mismatch", 400],
  mismatch02: [
    "3.1.2.18",
    "Unknown Method with CSeq Method Mismatch",
    400,
    "501 or 400; unknown methods do pass here, so the mismatch alone is at fault",
  ],
  bigcode: ["3.1.2.19", "Overlarge Response Code", "absorb"],
};

const SEMANTIC: Readonly<Record<keyof typeof semantic, Row>> = {
  badbranch: [
    "3.2.1",
    "Missing Transaction Identifier",
    "forward",
    "400 or RFC 2543 matching; the latter we need anyway",
  ],
  insuf: ["3.3.1", "Missing Required Header Fields", 400],
  unkscm: ["3.3.2", "Request-URI with Unknown Scheme", 416],
  novelsc: ["3.3.3", "Request-URI with Known but Atypical Scheme", 416],
  unksm2: ["3.3.4", "Unknown URI Schemes in Header Fields", "forward", "a proxy routes by the Request-URI alone"],
  bext01: ["3.3.5", "Proxy-Require and Require", 420, "only Proxy-Require is a proxy's to refuse"],
  invut: ["3.3.6", "Unknown Content-Type", "forward"],
  regaut01: ["3.3.7", "Unknown Authorization Scheme", "forward", "Authorization is the registrar's matter"],
  multi01: ["3.3.8", "Multiple Values in Single Value Required Fields", 400],
  mcl01: ["3.3.9", "Multiple Content-Length Values", 400],
  bcast: ["3.3.10", "200 OK Response with Broadcast Via Header Field Value", "absorb"],
  zeromf: ["3.3.11", "Max-Forwards of Zero", 483, "it is not for us, so we do not answer it as an OPTIONS"],
  cparam01: ["3.3.12", "REGISTER with a Contact Header Parameter", "forward"],
  cparam02: ["3.3.13", "REGISTER with a url-parameter", "forward"],
  regescrt: ["3.3.14", "REGISTER with a URL Escaped Header", "forward"],
  sdp01: ["3.3.15", "Unacceptable Accept Offering", "forward", "406 is for the user agent to say"],
  inv2543: [
    "3.4.1",
    "INVITE with RFC 2543 Syntax",
    "forward",
    "legacy clients differ from it only in having a From tag",
  ],
};

function cases(rows: Readonly<Record<string, Row>>, messages: Readonly<Record<string, string>>): TortureCase[] {
  return Object.entries(rows).map(([name, [section, title, treatment, why]]) => ({
    name,
    section,
    title,
    message: messages[name]!,
    treatment,
    ...(why === undefined ? {} : { why }),
  }));
}

/** The 49 messages of RFC 4475, in its order. */
export const TABLE: readonly TortureCase[] = [
  ...cases(VALID, valid),
  ...cases(INVALID, invalid),
  ...cases(SEMANTIC, semantic),
];
