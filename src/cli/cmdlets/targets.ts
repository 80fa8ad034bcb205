import type { Endpoint } from "../../endpoints/model.ts";
import { WaypostError } from "../../errors.ts";
import { endpointMeant } from "../identity.ts";
import { type Call, flag, missingParameters, storeOf, text, verbose } from "./call.ts";
import { type Piped, pipedObjects } from "./input.ts";

/** An endpoint that a cmdlet shall change, with the piped object that named it. */
export interface Target {
  readonly endpoint: Endpoint;
  readonly piped?: Piped;
}

/**
 * The endpoints meant by -Identity, or by the objects piped in when -Identity is not given; each once. Standard input
 * is not touched when -Identity is given: it may be a pipe that nobody closes.
 * @throws WaypostError USAGE when nothing names an endpoint; ENDPOINT_UNKNOWN, unless -Force passes over it
 */
export async function targets(call: Call): Promise<Target[]> {
  const identity = text(call, "Identity");
  const piped = identity === undefined ? await pipedObjects(call.io) : undefined;
  if (identity === undefined && piped === undefined) throw missingParameters(["Identity"]);
  if (piped?.length === 0) return [];
  const { endpoints } = await (await storeOf(call)).load();
  if (identity !== undefined) return meant(call, endpoints, identity).map((endpoint) => ({ endpoint }));
  const found = new Map<string, Target>();
  for (const object of piped ?? []) {
    if (object.identity === undefined) {
      throw new WaypostError("USAGE", `Line ${object.line} of the standard input has neither Identity nor SipAddress.`);
    }
    for (const endpoint of meant(call, endpoints, object.identity)) {
      if (found.has(endpoint.sipAddress)) continue;
      found.set(endpoint.sipAddress, { endpoint, piped: object });
    }
  }
  return [...found.values()];
}

function meant(call: Call, endpoints: readonly Endpoint[], identity: string): Endpoint[] {
  try {
    return [endpointMeant(endpoints, identity)];
  } catch (error) {
    if (!(error instanceof WaypostError && error.code === "ENDPOINT_UNKNOWN" && flag(call, "Force"))) throw error;
    verbose(call, `There is no endpoint "${identity}"; passed over.`);
    return [];
  }
}
