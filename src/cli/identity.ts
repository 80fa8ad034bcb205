import { addressKey } from "../endpoints/address-key.ts";
import type { Endpoint } from "../endpoints/model.ts";
import { WaypostError } from "../errors.ts";

/**
 * The endpoint that a person means: by its SIP address in any case, with or without `sip:`, or by its display name.
 * @throws WaypostError ENDPOINT_UNKNOWN; USAGE when a display name fits several
 */
export function endpointMeant(endpoints: readonly Endpoint[], identity: string): Endpoint {
  const wanted = identity.trim().toLowerCase();
  const byAddress = endpointAt(endpoints, identity);
  if (byAddress) return byAddress;
  const [named, ...others] = endpoints.filter((endpoint) => endpoint.displayName?.toLowerCase() === wanted);
  if (!named) throw new WaypostError("ENDPOINT_UNKNOWN", `There is no endpoint with the identity "${identity}".`);
  if (others.length === 0) return named;
  const addresses = [named, ...others].map((endpoint) => endpoint.sipAddress).join(", ");
  throw new WaypostError(
    "USAGE",
    `The name "${identity}" fits more than one endpoint; give the address: ${addresses}.`,
  );
}

/** The endpoint at a SIP address, typed in any case and with or without its scheme. */
export function endpointAt(endpoints: readonly Endpoint[], address: string): Endpoint | undefined {
  const key = addressKey(withScheme(address));
  return key === undefined ? undefined : endpoints.find((endpoint) => addressKey(endpoint.sipAddress) === key);
}

/** What a person typed as an address, with `sip:` in front unless it has a scheme. */
export function withScheme(address: string): string {
  const typed = address.trim();
  return /^sips?:/i.test(typed) ? typed : `sip:${typed}`;
}
