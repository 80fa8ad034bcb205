import type { Endpoint } from "./model.ts";

/** What decides how the calls of a row are answered: all of it but its address and what is written down about it. */
export type TreatmentSettings = Pick<
  Endpoint,
  | "poolFqdn"
  | "mode"
  | "redirectStatus"
  | "transport"
  | "port"
  | "requestUri"
  | "enabled"
  | "backupPool"
  | "failoverOn"
  | "register"
  | "retired"
  | "retiredReason"
>;

/** The settings that rows have in common, with room for what the routing works out from them once. */
export interface Treatment {
  readonly settings: TreatmentSettings;
  /** Owned by routing/; it lives and dies with the treatment. */
  plan: unknown;
}

interface Shared extends Treatment {
  readonly text: string;
  /** How many rows have it. */
  rows: number;
}

/** No number: the treatment is told by the row itself alone. */
export const OWN = 0;

/**
 * So many treatments are shared. Tables have a few pools and a few ways to them; where there are more than this, a row
 * with yet another one is read whenever it is called, and the garbage collector has no million of them to look after.
 */
const MOST = 10_000;

/** The different treatments of a table's rows, by number, so that a row names its own in two bytes. */
export class Treatments {
  readonly #byText = new Map<string, number>();
  /** Number 0 is none's; a number that no row has is given anew. */
  readonly #byNumber: (Shared | undefined)[] = [undefined];
  readonly #unused: number[] = [];

  /** The number of a row's treatment; to be given back with {@link release}. {@link OWN} when no more can be shared. */
  take(row: Endpoint): number {
    const text = textOf(row);
    const known = this.#byText.get(text);
    if (known !== undefined) {
      this.#byNumber[known]!.rows++;
      return known;
    }
    if (this.#byText.size >= MOST) {
      return OWN;
    }
    const number = this.#unused.pop() ?? this.#byNumber.length;
    this.#byText.set(text, number);
    this.#byNumber[number] = { settings: settingsOf(row), plan: undefined, text, rows: 1 };
    return number;
  }

  /** One row less has the treatment. */
  release(number: number): void {
    const shared = this.#byNumber[number];
    if (shared !== undefined && --shared.rows === 0) {
      this.#byText.delete(shared.text);
      this.#byNumber[number] = undefined;
      this.#unused.push(number);
    }
  }

  /** Those of all treatments that rows have. */
  settings(): TreatmentSettings[] {
    return this.#byNumber.flatMap((shared) => shared?.settings ?? []);
  }

  /** Undefined for {@link OWN}. */
  at(number: number): Treatment | undefined {
    return this.#byNumber[number];
  }
}

function settingsOf(row: Endpoint): TreatmentSettings {
  const { poolFqdn, mode, redirectStatus, transport, port, requestUri, enabled } = row;
  const { backupPool, failoverOn, register, retired, retiredReason } = row;
  return {
    ...{ poolFqdn, mode, redirectStatus, transport, requestUri, enabled },
    ...(port === undefined ? undefined : { port }),
    ...(backupPool === undefined ? undefined : { backupPool }),
    ...(failoverOn === undefined ? undefined : { failoverOn }),
    ...(register === undefined ? undefined : { register }),
    ...(retired === undefined ? undefined : { retired }),
    ...(retiredReason === undefined ? undefined : { retiredReason }),
  };
}

/** The same for equal settings only: no value before the last can be empty, or hold a space. */
function textOf(row: Endpoint): string {
  const { poolFqdn, mode, redirectStatus, transport, port = "", requestUri, enabled } = row;
  const { backupPool = "", failoverOn = "", register = "", retired = "", retiredReason } = row;
  const plain = `${poolFqdn} ${mode} ${redirectStatus} ${transport} ${port} ${requestUri} ${enabled}`;
  const reason = retiredReason === undefined ? "" : `:${retiredReason}`;
  return `${plain} ${backupPool} ${failoverOn} ${register} ${retired} ${reason}`;
}
