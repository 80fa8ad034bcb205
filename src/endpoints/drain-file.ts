import { readFile } from "node:fs/promises";
import { type Drain, parseDrainedPlace } from "../drained-address.ts";
import { atomicWriteUnlocked } from "./atomic-write.ts";

/** The addresses that operators took out of service, in a JSON file beside the table. */
export class DrainFile {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** @returns undefined where there is no file. @throws the system's error, or SyntaxError when it is no list of drains */
  async read(): Promise<Drain[] | undefined> {
    const text = await readFile(this.#path, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
    if (text === undefined) return undefined;
    const drains = JSON.parse(text) as Drain[];
    if (!Array.isArray(drains) || !drains.every(isDrain)) {
      throw new SyntaxError(`${this.#path} is no list of drained addresses`);
    }
    return drains;
  }

  /** Replaces the list; of several writers at once the last one counts. @throws the system's error */
  async write(drains: readonly Drain[]): Promise<void> {
    await atomicWriteUnlocked(this.#path, [`${JSON.stringify(drains, undefined, 2)}\n`]);
  }
}

function isDrain(value: unknown): value is Drain {
  const drain = value as Partial<Drain> | null;
  return (
    typeof drain === "object" &&
    typeof drain?.place === "string" &&
    parseDrainedPlace(drain.place) !== undefined &&
    typeof drain.by === "string" &&
    typeof drain.at === "string"
  );
}

/** A list of drains after a change of one place. @param drain absent = the place is taken back into service */
export function withDrain(drains: readonly Drain[], place: string, drain: Drain | undefined): Drain[] {
  const others = drains.filter((each) => each.place !== place);
  return drain === undefined ? others : [...others, drain].sort((a, b) => (a.place < b.place ? -1 : 1));
}
