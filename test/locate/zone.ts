import { arrange } from "../../src/locate/outline.ts";
import type { Answer, NaptrRecord, Question, RecordData, RecordType, SrvRecord } from "../../src/locate/records.ts";
import { type LocateQuery, type LocateResult, select, type WayOut } from "../../src/locate/select.ts";

/** What DNS knows: `TYPE name` to records as a zone file writes them. */
export type Zone = Readonly<Record<string, readonly string[]>>;

export const UDP4: WayOut = { transport: "udp", family: 4 };
export const TCP4: WayOut = { transport: "tcp", family: 4 };
export const TCP6: WayOut = { transport: "tcp", family: 6 };
export const TLS4: WayOut = { transport: "tls", family: 4 };
export const ALL: readonly WayOut[] = [UDP4, TCP4, TCP6, TLS4, { transport: "udp", family: 6 }];

export interface Asked {
  readonly result: LocateResult;
  /** Every question, in order, as `TYPE name`. */
  readonly questions: readonly string[];
}

/** Walks through the steps of the selection with a DNS that knows the zone. Names without any record do not exist. */
export function walk(
  query: Partial<LocateQuery>,
  zone: Zone = {},
  { waysOut = ALL, seed = 1 }: { readonly waysOut?: readonly WayOut[]; readonly seed?: number } = {},
): Asked {
  const questions: string[] = [];
  const asked = new Set<string>();
  const known = <T extends RecordType>(question: Question<T>): Answer<T> | undefined =>
    asked.has(keyOf(question)) ? answer(zone, question) : undefined;
  for (;;) {
    const step = select({ host: "pool.test", secure: false, ...query }, waysOut, known);
    if ("ok" in step) {
      const result = step.ok
        ? ({ ok: true, targets: arrange(step, seed, query.affinity !== undefined) } as const)
        : step;
      return { result, questions };
    }
    for (const question of step.ask) {
      if (!asked.has(keyOf(question))) questions.push(keyOf(question));
      asked.add(keyOf(question));
    }
  }
}

/** The targets as `transport address:port`, else the reason. */
export function targets(...parameters: Parameters<typeof walk>): readonly string[] | string {
  const { result } = walk(...parameters);
  if (!result.ok) return result.reason;
  return result.targets.map(({ transport, address, port }) => `${transport} ${address}:${port}`);
}

function keyOf({ type, name }: Question): string {
  return `${type} ${name}`;
}

function answer<T extends RecordType>(zone: Zone, { type, name }: Question<T>): Answer<T> {
  const texts = zone[`${type} ${name}`];
  if (texts === undefined) {
    const exists = Object.keys(zone).some((key) => key.endsWith(` ${name}`));
    return { kind: "none", exists, ttlSeconds: 60 };
  }
  return { kind: "found", records: texts.map((text) => read(type, text) as RecordData[T]), ttlSeconds: 60 };
}

function read(type: RecordType, text: string): RecordData[RecordType] {
  if (type === "SRV") return srv(text);
  return type === "NAPTR" ? naptr(text) : text;
}

/** `priority weight port target`. */
export function srv(text: string): SrvRecord {
  const [priority, weight, port, target = "."] = text.split(" ");
  return {
    priority: Number(priority),
    weight: Number(weight),
    port: Number(port),
    target: target === "." ? "" : target,
  };
}

/** `order preference flags service replacement`. */
function naptr(text: string): NaptrRecord {
  const [order, preference, flags = "", service = "", replacement = ""] = text.split(" ");
  return { order: Number(order), preference: Number(preference), flags, service, regexp: "", replacement };
}
