import { type DecodedPacket, type Answer as DnsRecord, decode, encode, RECURSION_DESIRED } from "dns-packet";
import { canonicalAddress } from "../address.ts";
import { type Answer, canonicalName, type Question, type RecordData, type RecordType } from "./records.ts";

/** The bytes of an answer over UDP that we take: what fits into one packet everywhere (DNS flag day 2020). */
const UDP_BYTES = 1232;
/** A chain of aliases longer than this is a mistake or a trap. */
const MAX_ALIASES = 16;
const HEADER_BYTES = 12;
const NXDOMAIN = 3;
/** RFC 1035 §4.1.1, RFC 6895 §2.3. */
const CODES: readonly string[] = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"];

/** A server's reply to a question, read. */
export type Reply =
  | { readonly kind: "answer"; readonly answer: Answer }
  /** Cut short: the whole of it is to be had over TCP (RFC 7766 §5). */
  | { readonly kind: "truncated" }
  /** The server could not or would not answer. `code` as DNS names it. */
  | { readonly kind: "error"; readonly code: string };

/** @param edns whether to offer more than 512 bytes over UDP (RFC 6891), which some old servers do not understand */
export function encodeQuery(question: Question, id: number, edns: boolean): Buffer {
  return encode({
    type: "query",
    id,
    flags: RECURSION_DESIRED,
    questions: [{ type: question.type, name: question.name, class: "IN" }],
    additionals: edns
      ? [
          {
            type: "OPT",
            name: ".",
            udpPayloadSize: UDP_BYTES,
            extendedRcode: 0,
            ednsVersion: 0,
            flags: 0,
            flag_do: false,
            options: [],
          },
        ]
      : [],
  });
}

/** Reads a message; undefined for one that is no reply to this question with this id (RFC 5452 §9.1). */
export function readReply(bytes: Buffer, question: Question, id: number): Reply | undefined {
  if (bytes.length < HEADER_BYTES || bytes.readUInt16BE(0) !== id) return undefined;
  const flags = bytes.readUInt16BE(2);
  if ((flags & 0x8000) === 0) return undefined;
  // A truncated message may end within a record, so that only its head can be read.
  if ((flags & 0x0200) !== 0) return { kind: "truncated" };
  const code = flags & 0x0f;
  if (code !== 0 && code !== NXDOMAIN) return { kind: "error", code: CODES[code] ?? `RCODE ${code}` };
  let message: DecodedPacket;
  try {
    message = decode(bytes);
  } catch {
    return { kind: "error", code: "unreadable reply" };
  }
  const asked = message.questions?.[0];
  if (asked?.type !== question.type || canonicalName(asked.name) !== question.name) return undefined;
  return { kind: "answer", answer: readAnswer(message, question, code !== NXDOMAIN) };
}

function readAnswer(message: DecodedPacket, { type, name }: Question, exists: boolean): Answer {
  const answers = (message.answers ?? []).filter((record) => "class" in record && record.class === "IN");
  let owner = name;
  let ttlSeconds = Number.POSITIVE_INFINITY;
  for (let aliases = 0; aliases < MAX_ALIASES; aliases++) {
    const own = answers.filter((record) => canonicalName(record.name) === owner);
    const records = own.filter((record) => record.type === type);
    if (records.length > 0) {
      for (const record of records) ttlSeconds = Math.min(ttlSeconds, ttlOf(record));
      return { kind: "found", records: records.map((record) => read(record, type)), ttlSeconds };
    }
    const alias = own.find((record) => record.type === "CNAME");
    if (alias?.type !== "CNAME") break;
    ttlSeconds = Math.min(ttlSeconds, ttlOf(alias));
    owner = canonicalName(alias.data);
  }
  // RFC 2308 §5: the lesser of the SOA's own TTL and its minimum.
  const soa = message.authorities?.find((record) => record.type === "SOA");
  const negative = soa?.type === "SOA" ? Math.min(ttlOf(soa), soa.data.minimum ?? 0) : undefined;
  return { kind: "none", exists, ttlSeconds: negative };
}

function ttlOf(record: DnsRecord): number {
  const ttl = "ttl" in record ? (record.ttl ?? 0) : 0;
  // RFC 2181 §8: a TTL with the highest bit set counts as 0.
  return ttl > 0x7fffffff ? 0 : ttl;
}

function read(record: DnsRecord, type: RecordType): RecordData[RecordType] {
  switch (record.type) {
    case "A":
    case "AAAA":
      return canonicalAddress(record.data) ?? record.data;
    case "SRV":
      return {
        priority: record.data.priority ?? 0,
        weight: record.data.weight ?? 0,
        port: record.data.port,
        target: canonicalName(record.data.target),
      };
    case "NAPTR": {
      const { order, preference, flags, services, regexp, replacement } = record.data;
      return { order, preference, flags, service: services, regexp, replacement: canonicalName(replacement) };
    }
    default:
      throw new Error(`a record of type ${record.type} does not answer a question for ${type}`);
  }
}
