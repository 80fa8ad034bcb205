import * as numbers from "../grammar/methods.ts";

const NAMES: string[] = [];
for (const [name, number] of Object.entries(numbers)) NAMES[number] = name;

/**
 * The name of a method. One text for each that is known costs less to make and to compare than a new one each time.
 * @param number as in methods.ts of the grammar; where that knows it not, it stands in `text`
 */
export function methodName(number: number, text: string, start: number, end: number): string {
  return number === numbers.OTHER_METHOD ? text.slice(start, end) : NAMES[number]!;
}
