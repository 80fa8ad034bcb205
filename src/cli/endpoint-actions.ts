import type { Endpoint } from "../endpoints/model.ts";
import type { EndpointDraft, RowChange } from "../endpoints/store.ts";
import { actor } from "./actor.ts";
import { type ChangeOptions, commit } from "./commit.ts";
import { jsonLine, list, table } from "./format.ts";
import { endpointMeant } from "./identity.ts";
import { type Session, withTable } from "./session.ts";
import { tellChange } from "./told.ts";

type SetFields = Extract<RowChange, { kind: "set" }>["fields"];

export async function listEndpoints(session: Session, options: { json?: true; pool?: string }): Promise<void> {
  const { endpoints } = await withTable(session, ({ store }) => store.load());
  const pool = options.pool?.toLowerCase();
  const rows = endpoints.filter((endpoint) => pool === undefined || endpoint.poolFqdn.toLowerCase() === pool);
  if (options.json) session.io.out(rows.map(jsonLine).join(""));
  else if (rows.length > 0) session.io.out(table(HEAD, rows.map(columns)));
  else session.io.err("No endpoints. Make one with `waypost endpoint add ADDRESS POOL`.\n");
}

/** The addresses of the table as people type them, without `sip:`. */
export async function addressesOf(session: Session): Promise<string[]> {
  const { endpoints } = await withTable(session, ({ store }) => store.load());
  return endpoints.map(({ sipAddress }) => sipAddress.replace(/^sip:/, ""));
}

export async function showEndpoint(session: Session, address: string, options: { json?: true }): Promise<void> {
  const { endpoints } = await withTable(session, ({ store }) => store.load());
  const endpoint = endpointMeant(endpoints, address);
  session.io.out(options.json ? jsonLine(endpoint) : list({ ...endpoint }));
}

export async function addEndpoint(session: Session, endpoint: EndpointDraft, options: ChangeOptions) {
  await change(session, options, () => [{ kind: "add", endpoint }]);
}

export async function setEndpoint(
  session: Session,
  address: string,
  fields: SetFields,
  options: ChangeOptions & { expectVersion?: number },
) {
  const { expectVersion } = options;
  const reason = "retired" in fields && fields.retired === undefined && !("retiredReason" in fields);
  const all = reason ? { ...fields, retiredReason: undefined } : fields;
  const guard = expectVersion === undefined ? {} : { expectedVersion: expectVersion };
  await change(session, options, (endpoints) => [
    { kind: "set", sipAddress: endpointMeant(endpoints, address).sipAddress, fields: all, ...guard },
  ]);
}

/** Makes tombstones of endpoints: they answer 410 or 404 from now on, with what is to be told. */
export async function retireEndpoints(
  session: Session,
  addresses: readonly string[],
  options: ChangeOptions & { status?: 404 | 410; tell?: string },
) {
  const fields = { retired: options.status ?? 410, retiredReason: options.tell };
  await change(session, options, (endpoints) => {
    const meant = new Set(addresses.map((address) => endpointMeant(endpoints, address).sipAddress));
    return [...meant].map((sipAddress) => ({ kind: "set", sipAddress, fields }));
  });
}

export async function removeEndpoints(session: Session, addresses: readonly string[], options: ChangeOptions) {
  await change(session, options, (endpoints) => {
    const meant = new Set(addresses.map((address) => endpointMeant(endpoints, address).sipAddress));
    return [...meant].map((sipAddress) => ({ kind: "remove", sipAddress }));
  });
}

const HEAD = ["ADDRESS", "POOL", "MODE", "TRANSPORT", "STATE", "VERSION", "NAME"];

function columns(endpoint: Endpoint): string[] {
  const { sipAddress, poolFqdn, mode, redirectStatus, transport, port, version, displayName } = endpoint;
  return [
    sipAddress,
    poolFqdn,
    mode === "redirect" ? `redirect ${redirectStatus}` : mode,
    port === undefined ? transport : `${transport} ${port}`,
    state(endpoint),
    String(version),
    displayName ?? "",
  ];
}

function state({ enabled, retired }: Endpoint): string {
  if (retired !== undefined) return `retired ${retired}`;
  return enabled ? "active" : "disabled";
}

async function change(
  session: Session,
  options: ChangeOptions,
  plan: (endpoints: readonly Endpoint[]) => RowChange[],
): Promise<void> {
  await withTable(session, async (opened) => {
    const { endpoints } = await opened.store.load();
    const changes = plan(endpoints);
    const who = actor(session.env, options.reason);
    const result = await commit(opened, session.io, options, (dryRun) => opened.store.change(changes, who, { dryRun }));
    await tellChange(session, opened, result, options);
  });
}
