import type { Endpoint } from "../model.ts";
import { SETTING_NAMES } from "../row-schema.ts";
import { CSV_NAMES } from "./columns.ts";
import type { BulkFormat } from "./source.ts";

/**
 * The settings of every endpoint as text, in pieces. What the store keeps about a row (version, who and when) stays out,
 * so that the text of the same settings is the same.
 */
export async function* writeBulk(endpoints: readonly Endpoint[], format: BulkFormat): AsyncIterable<string> {
  switch (format) {
    case "csv":
      yield* csv(endpoints);
      return;
    case "json":
      yield* json(endpoints);
      return;
    case "yaml": {
      const { stringify } = await import("yaml");
      yield endpoints.length === 0 ? "[]\n" : "";
      for (const endpoint of endpoints) yield stringify([settingsOf(endpoint)], { lineWidth: 0 });
    }
  }
}

function* csv(endpoints: readonly Endpoint[]): Iterable<string> {
  yield `${SETTING_NAMES.map((name) => CSV_NAMES[name]).join(",")}\n`;
  for (const endpoint of endpoints) {
    yield `${SETTING_NAMES.map((name) => quoted(String(endpoint[name] ?? ""))).join(",")}\n`;
  }
}

/** RFC 4180 §2. Blanks at the ends are quoted too, since some readers trim them. */
function quoted(text: string): string {
  return /[",;\t\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function* json(endpoints: readonly Endpoint[]): Iterable<string> {
  let separator = "[\n  ";
  for (const endpoint of endpoints) {
    yield separator + JSON.stringify(settingsOf(endpoint), null, 2).replaceAll("\n", "\n  ");
    separator = ",\n  ";
  }
  yield endpoints.length === 0 ? "[]\n" : "\n]\n";
}

function settingsOf(endpoint: Endpoint): Record<string, unknown> {
  return Object.fromEntries(
    SETTING_NAMES.flatMap((name) => (endpoint[name] === undefined ? [] : [[name, endpoint[name]]])),
  );
}
