/** The record types that RFC 3263 needs, and what one record of each says. */
export interface RecordData {
  /** IP literals in their canonical spelling. */
  readonly A: string;
  readonly AAAA: string;
  readonly SRV: SrvRecord;
  readonly NAPTR: NaptrRecord;
}

export type RecordType = keyof RecordData;

/** RFC 2782. */
export interface SrvRecord {
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
  /** In lower case without the dot of the root; "" for the root itself: the service is decidedly not there. */
  readonly target: string;
}

/** RFC 3403 §4.1. */
export interface NaptrRecord {
  readonly order: number;
  readonly preference: number;
  readonly flags: string;
  readonly service: string;
  readonly regexp: string;
  /** Spelled as SrvRecord.target. */
  readonly replacement: string;
}

/** One question to DNS. */
export interface Question<T extends RecordType = RecordType> {
  readonly type: T;
  /** In lower case without the dot of the root. */
  readonly name: string;
}

/** What became of a question. `failed` says nothing about the name, only that DNS did not tell. */
export type Answer<T extends RecordType = RecordType> =
  | { readonly kind: "found"; readonly records: readonly RecordData[T][]; readonly ttlSeconds: number }
  | {
      readonly kind: "none";
      /** False when the name does not exist at all (NXDOMAIN). */
      readonly exists: boolean;
      /** How long this may be believed (RFC 2308); undefined when the server did not say. */
      readonly ttlSeconds: number | undefined;
    }
  | { readonly kind: "failed"; readonly reason: string };

/** Anything that can answer questions. */
export interface RecordSource {
  /** Never rejects. An aborted look-up ends as `failed`, soon. */
  lookup(question: Question, signal: AbortSignal): Promise<Answer>;
  close(): void;
}

/** The key by which questions are told apart. */
export function questionKey({ type, name }: Question): string {
  return `${type} ${name}`;
}

/** Lower case, without the dot of the root. */
export function canonicalName(host: string): string {
  const name = host.toLowerCase();
  return name.endsWith(".") ? name.slice(0, -1) : name;
}

/** True for a name that DNS can be asked for (RFC 1035 §2.3.4), underscores included (RFC 2782). */
export function isDnsName(name: string): boolean {
  return name.length <= 253 && /^[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/.test(name);
}
