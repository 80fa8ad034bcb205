import { WaypostError } from "../errors.ts";

/** An error as the commands print it: what is wrong, then what to do. */
export function errorText(error: unknown, usage = "waypost --help"): string {
  if (!(error instanceof WaypostError)) return `waypost: ${error instanceof Error ? error.message : error}\n`;
  const remedy = error.code === "USAGE" ? `See \`${usage}\`.` : error.remedy;
  return `waypost: ${error.message}\n${remedy}\n`;
}
