import type { Endpoint } from "../../endpoints/model.ts";
import { endpointMeant } from "../identity.ts";
import { type Call, emit, storeOf, text, warn } from "./call.ts";
import { filter } from "./filter.ts";
import { PROPERTY_NAMES, propertiesOf } from "./object.ts";

/** Get-CsPersistentChatEndpoint: the endpoints that fit all conditions, at most -ResultSize of them. */
export async function get(call: Call): Promise<void> {
  const condition = text(call, "Filter");
  const fits = condition === undefined ? () => true : filter(condition, PROPERTY_NAMES);
  const identity = text(call, "Identity");
  const pool = text(call, "PersistentChatPoolFqdn");
  const size = call.bound.get("ResultSize");

  const { endpoints } = await (await storeOf(call)).load();
  const named = identity === undefined ? endpoints : [endpointMeant(endpoints, identity)];
  const found = named.filter(
    (endpoint) => (pool === undefined || samePool(endpoint, pool)) && fits(propertiesOf(endpoint)),
  );
  const shown = typeof size === "number" ? found.slice(0, size) : found;
  emit(call, shown);
  if (shown.length > 0 && shown.length < found.length) {
    warn(call, `There are ${found.length - shown.length} more results. Use -ResultSize Unlimited to see all.`);
  }
}

function samePool(endpoint: Endpoint, pool: string): boolean {
  const plain = (name: string) => name.toLowerCase().replace(/\.$/, "");
  return plain(endpoint.poolFqdn) === plain(pool);
}
