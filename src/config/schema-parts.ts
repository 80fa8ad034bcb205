import { Grammar } from "sip.js/lib/grammar/index.js";
import { z } from "zod";
import { shown } from "../schema-findings.ts";

/** Checks that several groups of the configuration share. */

export const GROUP = "must be a group of settings";

/** A text that a parser of ours reads; the parser's error is the rest of a sentence that starts with the text. */
export function parsed<T>(expected: string, parse: (text: string) => T) {
  return z.string(`must be ${expected}`).transform((text, context): T => {
    try {
      return parse(text.trim());
    } catch (error) {
      context.issues.push({
        code: "custom",
        message: `"${shown(text)}" ${shown((error as Error).message)}`,
        input: text,
      });
      return z.NEVER;
    }
  });
}

export function count(least: number, most: number, unit: string) {
  const message = `must be a whole number of ${unit} from ${least} to ${most}`;
  return z.int(message).min(least, message).max(most, message);
}

export const nextHopUri = parsed("a SIP URI such as sip:fe01.contoso.com:5061;transport=tls", (text) => {
  if (Grammar.URIParse(text) === undefined) {
    throw new Error("is no SIP URI (RFC 3261 §25.1), such as sip:fe01.contoso.com:5061;transport=tls");
  }
  return text;
});
