import { hold, skipLws, skipQuoted, skipToken } from "../grammar/grammar.ts";
import { parseDecimal } from "../sip/chars.ts";

/** The algorithms of RFC 8760 that the configuration may allow, the strongest first. */
export type DigestAlgorithm = "SHA-512-256" | "SHA-256" | "MD5";

const STRENGTH: readonly DigestAlgorithm[] = ["SHA-512-256", "SHA-256", "MD5"];

/** Hashes latin1 text (one character per byte) to lower-case hex. */
export type Hash = (algorithm: DigestAlgorithm, text: string) => string;

/** One challenge of a 401 or 407 (RFC 3261 §20.44, RFC 7616 §3.3). Quoted values without their quotes, else as written. */
export interface Challenge {
  readonly realm: string;
  readonly nonce: string;
  readonly opaque: string | undefined;
  readonly algorithm: DigestAlgorithm;
  /** As it was written, for the answer; undefined where none was. */
  readonly algorithmText: string | undefined;
  /** True for a `-sess` algorithm. */
  readonly session: boolean;
  /** True when the answer has to have `qop=auth`. */
  readonly qop: boolean;
  /** True when only the nonce of our answer was too old. */
  readonly stale: boolean;
}

/** Reads one challenge. @returns it, or a sentence that says why it cannot be answered */
export function parseChallenge(value: string): Challenge | string {
  hold(value);
  const schemeEnd = skipToken(0, value.length);
  const scheme = value.slice(0, schemeEnd);
  if (scheme.toLowerCase() !== "digest") return `${scheme || "an empty challenge"} is no digest`;
  const params = readParams(value, schemeEnd);
  if (params === undefined) return "the challenge is malformed";
  const [realm, nonce] = [params.get("realm"), params.get("nonce")];
  if (realm === undefined || nonce === undefined) return "the challenge has no realm or no nonce";
  const algorithmText = params.get("algorithm");
  const plain = (algorithmText ?? "MD5").toUpperCase();
  const session = plain.endsWith("-SESS");
  const algorithm = STRENGTH.find((known) => known === (session ? plain.slice(0, -5) : plain));
  if (algorithm === undefined) return `algorithm ${algorithmText} is not known`;
  const qops = params
    .get("qop")
    ?.split(",")
    .map((word) => word.trim().toLowerCase());
  if (qops !== undefined && !qops.includes("auth")) return `qop ${qops.join(", ")} without auth`;
  return {
    realm,
    nonce,
    opaque: params.get("opaque"),
    algorithm,
    algorithmText,
    session,
    qop: qops !== undefined,
    stale: params.get("stale")?.toLowerCase() === "true",
  };
}

/**
 * The strongest challenge that may be answered; of equals the first (RFC 8760 §2.4 leaves the choice to local policy).
 * @returns it, or a sentence that says why there is none
 */
export function strongest(
  values: readonly string[],
  allowed: readonly DigestAlgorithm[],
  realm: string | undefined,
): Challenge | string {
  const read = values.map(parseChallenge);
  const usable = read.filter(
    (challenge): challenge is Challenge =>
      typeof challenge !== "string" &&
      allowed.includes(challenge.algorithm) &&
      (realm === undefined || challenge.realm === realm),
  );
  const [best] = usable.sort((a, b) => STRENGTH.indexOf(a.algorithm) - STRENGTH.indexOf(b.algorithm));
  if (best !== undefined) return best;
  const why = read.map((challenge) => {
    if (typeof challenge === "string") return challenge;
    if (!allowed.includes(challenge.algorithm)) return `algorithm ${challenge.algorithm} is not allowed`;
    return `realm "${challenge.realm}" is not the configured one`;
  });
  return why.join("; ") || "there is no challenge";
}

/** What an answer to a challenge is made of. */
export interface DigestInput {
  /** UTF-8 as latin1 text, like all of it. */
  readonly username: string;
  readonly password: string;
  readonly method: string;
  readonly uri: string;
  /** How often this nonce was used, this time included. */
  readonly nonceCount: number;
  readonly cnonce: string;
}

/** The value for Authorization or Proxy-Authorization (RFC 7616 §3.4, RFC 8760 §2). */
export function credentials(challenge: Challenge, input: DigestInput, hash: Hash): string {
  const { realm, nonce, opaque, algorithm, algorithmText, session, qop } = challenge;
  const { username, password, method, uri, nonceCount, cnonce } = input;
  const h = (text: string): string => hash(algorithm, text);
  const nc = nonceCount.toString(16).padStart(8, "0");
  let a1 = h(`${username}:${realm}:${password}`);
  if (session) a1 = h(`${a1}:${nonce}:${cnonce}`);
  const a2 = h(`${method}:${uri}`);
  const response = qop ? h(`${a1}:${nonce}:${nc}:${cnonce}:auth:${a2}`) : h(`${a1}:${nonce}:${a2}`);
  const parts = [
    `username="${username.replace(/[\\"]/g, "\\$&")}"`,
    `realm="${realm}"`,
    `nonce="${nonce}"`,
    `uri="${uri}"`,
    `response="${response}"`,
  ];
  if (algorithmText !== undefined) parts.push(`algorithm=${algorithmText}`);
  if (opaque !== undefined) parts.push(`opaque="${opaque}"`);
  if (qop) parts.push("qop=auth", `nc=${nc}`);
  if (qop || session) parts.push(`cnonce="${cnonce}"`);
  return `Digest ${parts.join(", ")}`;
}

/** `name=value` pairs between commas, names in lower case. Undefined when malformed, or when one stands there twice. */
function readParams(text: string, start: number): Map<string, string> | undefined {
  const params = new Map<string, string>();
  hold(text);
  const end = text.length;
  let at = skipLws(start, end);
  while (at < end) {
    const nameEnd = skipToken(at, end);
    const name = text.slice(at, nameEnd).toLowerCase();
    let valueStart = skipLws(nameEnd, end);
    if (name === "" || text[valueStart] !== "=" || params.has(name)) return undefined;
    valueStart = skipLws(valueStart + 1, end);
    let valueEnd: number;
    if (text[valueStart] === '"') {
      valueEnd = skipQuoted(valueStart, end);
      if (valueEnd < 0) return undefined;
      params.set(name, text.slice(valueStart + 1, valueEnd - 1));
    } else {
      valueEnd = valueStart;
      while (valueEnd < end && text[valueEnd] !== "," && text.charCodeAt(valueEnd) > 0x20) valueEnd++;
      params.set(name, text.slice(valueStart, valueEnd));
    }
    at = skipLws(valueEnd, end);
    if (at < end && text[at] !== ",") return undefined;
    if (at < end) at = skipLws(at + 1, end);
  }
  return params;
}

/** A whole number of seconds, or undefined. */
export function seconds(text: string | undefined): number | undefined {
  const trimmed = text?.trim() ?? "";
  const value = parseDecimal(trimmed, 0, trimmed.length, 0x7fffffff);
  return value < 0 ? undefined : value;
}
