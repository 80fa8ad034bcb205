import type { SimRandom } from "../support/sim-random.ts";

const TOKENS = [
  "\0",
  "\r",
  "\n",
  "\r\n",
  "\r\n ",
  ":",
  ";",
  ",",
  '"',
  "<",
  ">",
  "\\",
  "__proto__",
  ";tag=",
  "sip:",
  "\r\nTo: <sip:a@b>",
  "\r\nContent-Length: 5",
  "\r\nX-a : b",
  "z9hG4bK",
  "%00",
  "\u00ff",
] as const;

/** The shortest lines that a reader may take for headers. */
const SHORT_LINES = ["a:\n", "v:\n", "a:\r\n", "\n", " \n", "a\n"] as const;

/**
 * Changes a text in one to four places, byte by byte or line by line; now and then by thousands of lines.
 * @param other what pieces may be taken from
 */
export function mutate(text: string, other: string, random: SimRandom): string {
  let result = text;
  if (random.chance(0.01)) {
    const at = result.indexOf("\r\n") + 2;
    result = result.slice(0, at) + random.pick(SHORT_LINES).repeat(random.int(1000, 6000)) + result.slice(at);
  }
  for (let i = random.int(1, 4); i > 0; i--) {
    const at = random.int(0, Math.max(0, result.length - 1));
    const length = random.int(1, 20);
    switch (random.int(0, 7)) {
      case 0:
        result = result.slice(0, at) + String.fromCharCode(random.int(0, 255)) + result.slice(at + 1);
        break;
      case 1:
        result = result.slice(0, at) + random.pick(TOKENS) + result.slice(at);
        break;
      case 2:
        result = result.slice(0, at) + result.slice(at + length);
        break;
      case 3:
        result =
          result.slice(0, at) + result.slice(at, at + length).repeat(random.int(2, 5)) + result.slice(at + length);
        break;
      case 4:
        result = result.slice(0, at) + other.slice(random.int(0, other.length));
        break;
      case 5:
        result = result.slice(0, at);
        break;
      default: {
        const lines = result.split("\r\n");
        const line = random.int(0, lines.length - 1);
        if (random.chance(0.5)) lines.splice(line, 0, lines[random.int(0, lines.length - 1)]!);
        else lines.splice(line, 1);
        result = lines.join("\r\n");
      }
    }
  }
  return result;
}
