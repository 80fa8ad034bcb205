import t from "tap";
import { EndpointTable } from "../../src/endpoints/table.ts";
import type { EngineCapabilities } from "../../src/routing/capabilities.ts";
import { doubtfulRows } from "../../src/unable-rows.ts";
import { row } from "./row.ts";

const able: EngineCapabilities = {
  engine: "embedded",
  transports: ["udp"],
  requestUri: "any",
  staticHosts: new Map(),
  registers: false,
  proxies: "any",
};

t.test("rows are looked at one by one only where some setting of theirs may be too much for the engine", async (t) => {
  const good = row({ sipAddress: "sip:good@contoso.com" });
  const bad = row({ sipAddress: "sip:bad@contoso.com", transport: "tls" });
  const table = new EndpointTable({ revision: 1, endpoints: [good, bad] });
  t.equal([...doubtfulRows(table, able)].length, 2);
  table.apply([{ before: bad }], 2);
  t.same([...doubtfulRows(table, able)], []);
  t.same([...doubtfulRows(table, { ...able, engine: "drachtio", requestUri: { poolFor: [] } })], [good]);
});
