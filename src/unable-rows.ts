import { setImmediate } from "node:timers/promises";
import type { Logger } from "pino";
import type { Endpoint } from "./endpoints/model.ts";
import type { EndpointTable } from "./endpoints/table.ts";
import { capabilitiesOf } from "./engine/capabilities.ts";
import { type EngineCapabilities, rowFault } from "./routing/capabilities.ts";

/** A row that an engine cannot carry out, and why. */
export interface UnableRow {
  readonly sipAddress: string;
  readonly reason: string;
}

/** The rows that the engine of a configuration cannot carry out. */
export function unableRows(rows: readonly Endpoint[], config: Parameters<typeof capabilitiesOf>[0]): UnableRow[] {
  const able = capabilitiesOf(config);
  return rows.flatMap((row) => {
    const reason = rowFault(row, able);
    return reason === undefined ? [] : [{ sipAddress: row.sipAddress, reason }];
  });
}

/**
 * The rows of a table among which to look for those that the engine cannot carry out: none where their settings tell
 * that each can be. That spares a look at each of a million rows.
 */
export function doubtfulRows(table: EndpointTable, able: EngineCapabilities): Iterable<Endpoint> {
  const isToldBySettings = able.requestUri === "any" && table.settings !== undefined;
  const mayBeUnable = !isToldBySettings || table.settings.some((each) => rowFault({ sipAddress: "", ...each }, able));
  return mayBeUnable ? table.all() : [];
}

/** So many rows are named one by one; of more, the number is told. */
const NAMED = 20;
const ROWS_AT_ONCE = 1000;

/**
 * Names in the log the rows that the engine cannot carry out. Such a row came past the commands: it was stored before
 * the engine was another one, or by a gateway with another one. Its callers get a refusal that says why.
 */
export async function nameUnableRows(rows: Iterable<Endpoint>, able: EngineCapabilities, log: Logger): Promise<void> {
  const { engine } = able;
  let found = 0;
  let looked = 0;
  for (const row of rows) {
    const reason = rowFault(row, able);
    if (reason !== undefined && ++found <= NAMED) {
      const remedy = "change the row or the configuration; docs/engines.md says what each engine can do";
      log.error({ endpoint: row.sipAddress, engine, reason, remedy }, "an endpoint cannot be served by this engine");
    }
    if (++looked % ROWS_AT_ONCE === 0) await setImmediate();
  }
  if (found > NAMED) {
    log.error({ engine, endpoints: found, named: NAMED }, "more endpoints cannot be served by this engine");
  }
}
