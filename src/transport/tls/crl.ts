import type { X509Certificate } from "node:crypto";
import { type DerValue, derTime, derValues, Tag } from "./der.ts";

/** What we read in a certificate revocation list (RFC 5280 §5.1). Its signature is left to OpenSSL. */
export interface RevocationList {
  /** The issuer's name, as its DER encoding in hexadecimal: what a certificate's issuer is compared with. */
  readonly issuer: string;
  /** From then on OpenSSL takes it for outdated, and with it every certificate of that CA. */
  readonly nextUpdate: Date | undefined;
  /** Serial numbers in hexadecimal, as DER has them. */
  readonly revoked: ReadonlySet<string>;
}

/** @param der the list @throws Error when it is no such list */
export function readRevocationList(der: Buffer): RevocationList {
  const fields = derValues(first(first(der, Tag.sequence).content, Tag.sequence).content);
  if (fields[0]?.tag === Tag.integer) fields.shift();
  const [algorithm, issuer, thisUpdate] = fields;
  if (algorithm === undefined || issuer === undefined || !isTime(thisUpdate)) throw new Error("no revocation list");
  const nextUpdate = isTime(fields[3]) ? fields[3] : undefined;
  const entries = fields[nextUpdate === undefined ? 3 : 4];
  const revoked = new Set<string>();
  if (entries?.tag === Tag.sequence) {
    for (const entry of derValues(entries.content)) {
      revoked.add(first(entry.content, Tag.integer).content.toString("hex"));
    }
  }
  return {
    issuer: issuer.whole.toString("hex"),
    nextUpdate: nextUpdate === undefined ? undefined : derTime(nextUpdate),
    revoked,
  };
}

/** True when the list covers the certificate's CA and names the certificate. */
export function isRevoked(certificate: X509Certificate, list: RevocationList): boolean {
  const { issuer, serial } = issuerAndSerial(certificate.raw);
  return list.issuer === issuer && list.revoked.has(serial);
}

/** True when the list is that of the certificate's CA. */
export function covers(list: RevocationList, certificate: X509Certificate): boolean {
  return list.issuer === issuerAndSerial(certificate.raw).issuer;
}

function issuerAndSerial(certificate: Buffer): { issuer: string; serial: string } {
  const fields = derValues(first(first(certificate, Tag.sequence).content, Tag.sequence).content);
  if (fields[0]?.tag === Tag.context0) fields.shift();
  const [serial, , issuer] = fields;
  return { serial: serial!.content.toString("hex"), issuer: issuer!.whole.toString("hex") };
}

function first(bytes: Buffer, tag: number): DerValue {
  const [value] = derValues(bytes);
  if (value?.tag !== tag) throw new Error("no revocation list");
  return value;
}

function isTime(value: DerValue | undefined): value is DerValue {
  return value?.tag === Tag.utcTime || value?.tag === Tag.generalizedTime;
}
