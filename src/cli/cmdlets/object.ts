import type { Endpoint } from "../../endpoints/model.ts";

const PROPERTIES: Readonly<Record<string, (endpoint: Endpoint) => string | number | boolean | null>> = {
  Identity: (endpoint) => endpoint.sipAddress,
  SipAddress: (endpoint) => endpoint.sipAddress,
  DisplayName: (endpoint) => endpoint.displayName ?? null,
  PersistentChatPoolFqdn: (endpoint) => endpoint.poolFqdn,
  Mode: (endpoint) => endpoint.mode,
  RedirectStatus: (endpoint) => endpoint.redirectStatus,
  Transport: (endpoint) => endpoint.transport,
  Port: (endpoint) => endpoint.port ?? null,
  RequestUri: (endpoint) => endpoint.requestUri,
  Enabled: (endpoint) => endpoint.enabled,
  BackupPool: (endpoint) => endpoint.backupPool ?? null,
  FailoverOn: (endpoint) => endpoint.failoverOn ?? null,
  Register: (endpoint) => endpoint.register ?? null,
  Retired: (endpoint) => endpoint.retired ?? null,
  RetiredReason: (endpoint) => endpoint.retiredReason ?? null,
  Version: (endpoint) => endpoint.version,
  CreatedAt: (endpoint) => endpoint.createdAt,
  CreatedBy: (endpoint) => endpoint.createdBy,
  UpdatedAt: (endpoint) => endpoint.updatedAt,
  UpdatedBy: (endpoint) => endpoint.updatedBy,
};

/** The names of the properties, in their order. */
export const PROPERTY_NAMES: readonly string[] = Object.keys(PROPERTIES);

/**
 * An endpoint as the object that the cmdlets print: Lync's properties first, then Waypost's, all in PascalCase.
 * Every property is always there; null where the endpoint has no such setting.
 */
export function propertiesOf(endpoint: Endpoint): Record<string, string | number | boolean | null> {
  return Object.fromEntries(Object.entries(PROPERTIES).map(([name, read]) => [name, read(endpoint)]));
}
