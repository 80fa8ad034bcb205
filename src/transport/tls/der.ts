/** One value of a DER encoding (X.690 §8.1). */
export interface DerValue {
  readonly tag: number;
  /** The value with its tag and length. */
  readonly whole: Buffer;
  readonly content: Buffer;
}

/** ASN.1 tags that certificates and revocation lists are made of. */
export const Tag = { integer: 0x02, utcTime: 0x17, generalizedTime: 0x18, sequence: 0x30, context0: 0xa0 } as const;

/** The values that stand side by side in `bytes`. @throws Error when they are cut off or not DER */
export function derValues(bytes: Buffer): DerValue[] {
  const values: DerValue[] = [];
  for (let at = 0; at < bytes.length; ) {
    let start = at + 2;
    let length = bytes[at + 1];
    if (length === undefined) throw new Error("cut off in the middle of a value");
    if (length >= 0x80) {
      const size = length & 0x7f;
      if (size === 0 || size > 4 || start + size > bytes.length) throw new Error("not DER");
      length = bytes.readUIntBE(start, size);
      start += size;
    }
    if (start + length > bytes.length) throw new Error("cut off in the middle of a value");
    values.push({
      tag: bytes[at]!,
      whole: bytes.subarray(at, start + length),
      content: bytes.subarray(start, start + length),
    });
    at = start + length;
  }
  return values;
}

/** A UTCTime or GeneralizedTime as RFC 5280 §4.1.2.5 restricts them: UTC, to the second. @throws Error for any other */
export function derTime({ tag, content }: DerValue): Date {
  const text = content.toString("latin1");
  // RFC 5280 §4.1.2.5.1: 50 and later are of the last century.
  const year = tag === Tag.utcTime ? (Number(text.slice(0, 2)) < 50 ? "20" : "19") + text : text;
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(year);
  if (parts === null) throw new Error("a time that is none");
  const [, y, month, day, hour, minute, second] = parts.map(Number) as number[];
  return new Date(Date.UTC(y!, month! - 1, day, hour, minute, second));
}
