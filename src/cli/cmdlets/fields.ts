import type { EndpointDraft } from "../../endpoints/store.ts";
import { WaypostError } from "../../errors.ts";
import type { Call } from "./call.ts";
import type { Piped } from "./input.ts";
import { convert } from "./values.ts";

/** Settings of an endpoint; undefined as a value takes an optional one away. */
export type Fields = { -readonly [K in keyof EndpointDraft]?: EndpointDraft[K] | undefined };

/** The settings given as parameters. */
export function fieldsOfCall(call: Call): Fields {
  const fields: Record<string, unknown> = {};
  for (const { name, field } of call.cmdlet.parameters) {
    const value = call.bound.get(name);
    if (field && value !== undefined) fields[field] = value ?? undefined;
  }
  return fields as Fields;
}

/** The settings that a piped object has under the names of the cmdlet's parameters. */
export function fieldsOfPiped(call: Call, object: Piped): Fields {
  const fields: Record<string, unknown> = {};
  for (const parameter of call.cmdlet.parameters) {
    const { name, field, clears } = parameter;
    const content = field && object.properties.get(name.toLowerCase());
    if (!field || content === undefined) continue;
    if (content === null) {
      if (clears) fields[field] = undefined;
      continue;
    }
    if (typeof content === "object") {
      throw new WaypostError(
        "SETTING_INVALID",
        `${name} in line ${object.line} of the standard input is no plain value.`,
      );
    }
    fields[field] = convert(parameter, String(content)) ?? undefined;
  }
  return fields as Fields;
}
