import type { Endpoint } from "../../src/endpoints/model.ts";

/** A stored row with its defaults, for tests. */
export function row(settings: Partial<Endpoint> = {}): Endpoint {
  return {
    sipAddress: "sip:ocschat@contoso.com",
    poolFqdn: "pcpool.contoso.com",
    mode: "proxy",
    redirectStatus: 302,
    transport: "auto",
    requestUri: "keep",
    enabled: true,
    version: 1,
    createdAt: "2025-01-31T12:00:00.000Z",
    createdBy: "alice",
    updatedAt: "2025-01-31T12:00:00.000Z",
    updatedBy: "alice",
    ...settings,
  };
}
