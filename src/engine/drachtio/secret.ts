import { readFileSync } from "node:fs";
import type { DrachtioConfig } from "../../config/config.ts";

/**
 * The secret that a drachtio-server asks for; a file is read each time, so that a new secret needs no restart.
 * @throws Error saying what is wrong with the file
 */
export function secretOf({ secret, secretFile }: DrachtioConfig): string {
  if (secretFile === undefined) return secret ?? "";
  const line = readFileSync(secretFile, "utf8").split("\n", 1)[0]!.trim();
  if (line === "" || line.includes("|"))
    throw new Error(`${secretFile} has no secret in its first line, or one with |`);
  return line;
}
