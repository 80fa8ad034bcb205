import type { TlsMaterial } from "./material.ts";

/** From so many days before the end on, operators are warned. A revocation list lives for days, and is replaced by itself. */
const WARN_DAYS = { certificate: 30, list: 1 };
const DAY_MS = 86_400_000;

/** When one certificate or revocation list in use ends. */
export interface Expiry {
  /** The file that holds it. */
  readonly file: string;
  /** `certificate of gw.contoso.com`, `CA Contoso Root`, `revocation list`. */
  readonly what: string;
  readonly end: Date;
  /** Whole days from now; negative once it has ended. */
  readonly daysLeft: number;
  /** True when it is time to act. */
  readonly soon: boolean;
}

/** Lists what ends in a set of files, soonest first. @param now ms since 1970 */
export function expiries({ files, chain, authorities, revocations }: TlsMaterial, now: number): Expiry[] {
  const list: Expiry[] = [];
  const add = (file: string, what: string, end: Date, warnDays: number): void => {
    const daysLeft = Math.floor((end.getTime() - now) / DAY_MS);
    list.push({ file, what, end, daysLeft, soon: daysLeft < warnDays });
  };
  for (const { subject, validTo } of chain) {
    add(files.cert!, `certificate of ${nameOf(subject)}`, new Date(validTo), WARN_DAYS.certificate);
  }
  for (const { subject, validTo } of authorities) {
    add(files.ca!, `CA ${nameOf(subject)}`, new Date(validTo), WARN_DAYS.certificate);
  }
  for (const { nextUpdate } of revocations) {
    if (nextUpdate !== undefined) add(files.crl!, "revocation list", nextUpdate, WARN_DAYS.list);
  }
  return list.sort((a, b) => a.end.getTime() - b.end.getTime());
}

/** The sentence about one that ends. */
export function expiryText({ file, what, end, daysLeft }: Expiry): string {
  const day = end.toISOString().slice(0, 10);
  if (daysLeft < 0) return `${what} (${file}) expired on ${day}`;
  return `${what} (${file}) expires on ${day}, in ${daysLeft === 1 ? "1 day" : `${daysLeft} days`}`;
}

function nameOf(subject: string): string {
  return /^CN=(.*)$/m.exec(subject)?.[1] ?? subject.replaceAll("\n", ", ");
}
