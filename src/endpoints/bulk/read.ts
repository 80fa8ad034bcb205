import { decodeText } from "./decode.ts";
import { type BulkFormat, formatOfName, formatOfText, type Source } from "./source.ts";

/**
 * Reads the rows out of a file of any format that `waypost export` writes and Windows makes.
 * @param file its name, for messages and, without `format`, for its extension
 * @throws WaypostError IMPORT_INVALID with line and, where there is one, column
 */
export async function readBulk(bytes: Uint8Array, file: string, format?: BulkFormat): Promise<Source> {
  const text = decodeText(bytes, file);
  switch (format ?? formatOfName(file) ?? formatOfText(text)) {
    case "json":
      return (await import("./read-json.ts")).readJson(text, file);
    case "yaml":
      return (await import("./read-yaml.ts")).readYaml(text, file);
    case "csv":
      return (await import("./read-csv.ts")).readCsv(text, file);
  }
}
