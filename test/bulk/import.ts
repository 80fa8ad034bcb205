import { planImport } from "../../src/endpoints/bulk/plan-import.ts";
import { readBulk } from "../../src/endpoints/bulk/read.ts";
import type { BulkFormat } from "../../src/endpoints/bulk/source.ts";
import { writeBulk } from "../../src/endpoints/bulk/write.ts";
import type { Endpoint } from "../../src/endpoints/model.ts";

/** What importing a file into a table comes to. */
export async function importing(
  content: string | Uint8Array,
  options: { table?: readonly Endpoint[]; file?: string; replace?: boolean; format?: BulkFormat } = {},
) {
  const file = options.file ?? "hosts.csv";
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  const source = await readBulk(bytes, file, options.format);
  return planImport(source, options.table ?? [], {
    file,
    replace: options.replace ?? false,
    isSelf: (host) => host === "gw.contoso.com",
  });
}

export async function exported(endpoints: readonly Endpoint[], format: BulkFormat): Promise<string> {
  let text = "";
  for await (const piece of writeBulk(endpoints, format)) text += piece;
  return text;
}
