import type { Endpoint } from "../endpoints/model.ts";
import type { ChangeResult, EndpointDraft, EndpointStore, RowChange, RowDifference } from "../endpoints/store.ts";
import { actor } from "./actor.ts";
import { differenceLines } from "./differences.ts";
import { jsonLine, list, table } from "./format.ts";
import { endpointMeant } from "./identity.ts";
import type { Io } from "./io.ts";
import { openTable } from "./open-table.ts";

/** What all endpoint commands share. */
export interface EndpointSession {
  readonly io: Io;
  readonly env: NodeJS.ProcessEnv;
  /** What `--config` names. */
  config(): string | undefined;
}

export interface ChangeOptions {
  readonly reason?: string;
  readonly dryRun?: true;
  readonly whatIf?: true;
  readonly json?: true;
  readonly expectVersion?: number;
}

type SetFields = Extract<RowChange, { kind: "set" }>["fields"];

export async function listEndpoints(session: EndpointSession, options: { json?: true; pool?: string }): Promise<void> {
  const { endpoints } = await withStore(session, (store) => store.load());
  const pool = options.pool?.toLowerCase();
  const rows = endpoints.filter((endpoint) => pool === undefined || endpoint.poolFqdn.toLowerCase() === pool);
  if (options.json) session.io.out(rows.map(jsonLine).join(""));
  else if (rows.length > 0) session.io.out(table(HEAD, rows.map(columns)));
  else session.io.err("No endpoints. Make one with `waypost endpoint add ADDRESS POOL`.\n");
}

export async function showEndpoint(session: EndpointSession, address: string, options: { json?: true }): Promise<void> {
  const { endpoints } = await withStore(session, (store) => store.load());
  const endpoint = endpointMeant(endpoints, address);
  session.io.out(options.json ? jsonLine(endpoint) : list({ ...endpoint }));
}

export async function addEndpoint(session: EndpointSession, endpoint: EndpointDraft, options: ChangeOptions) {
  await change(session, options, () => [{ kind: "add", endpoint }]);
}

export async function setEndpoint(
  session: EndpointSession,
  address: string,
  fields: SetFields,
  options: ChangeOptions,
) {
  const { expectVersion } = options;
  const guard = expectVersion === undefined ? {} : { expectedVersion: expectVersion };
  await change(session, options, (endpoints) => [
    { kind: "set", sipAddress: endpointMeant(endpoints, address).sipAddress, fields, ...guard },
  ]);
}

export async function removeEndpoints(session: EndpointSession, addresses: readonly string[], options: ChangeOptions) {
  await change(session, options, (endpoints) => {
    const meant = new Set(addresses.map((address) => endpointMeant(endpoints, address).sipAddress));
    return [...meant].map((sipAddress) => ({ kind: "remove", sipAddress }));
  });
}

const HEAD = ["ADDRESS", "POOL", "MODE", "TRANSPORT", "ENABLED", "VERSION", "NAME"];

function columns(endpoint: Endpoint): string[] {
  const { sipAddress, poolFqdn, mode, redirectStatus, transport, port, enabled, version, displayName } = endpoint;
  return [
    sipAddress,
    poolFqdn,
    mode === "redirect" ? `redirect ${redirectStatus}` : mode,
    port === undefined ? transport : `${transport} ${port}`,
    enabled ? "yes" : "no",
    String(version),
    displayName ?? "",
  ];
}

async function change(
  session: EndpointSession,
  options: ChangeOptions,
  plan: (endpoints: readonly Endpoint[]) => RowChange[],
): Promise<void> {
  const dryRun = options.dryRun === true || options.whatIf === true;
  const result = await withStore(session, async (store) => {
    const { endpoints } = await store.load();
    return store.change(plan(endpoints), actor(session.env, options.reason), { dryRun });
  });
  if (result.differences.length === 0) session.io.err("Nothing to change: the table is so already.\n");
  for (const difference of result.differences) {
    session.io.out(
      options.json ? jsonLine({ dryRun, revision: result.revision, ...difference }) : told(difference, result, dryRun),
    );
  }
}

function told(difference: RowDifference, { revision }: ChangeResult, dryRun: boolean): string {
  const { before, after } = difference;
  const [done, wouldBe] = !before ? ["added", "add"] : !after ? ["removed", "remove"] : ["changed", "change"];
  const address = (after ?? before)?.sipAddress;
  const head = dryRun ? `would ${wouldBe} ${address}` : `${done} ${address} (revision ${revision})`;
  return [head, ...differenceLines(difference).map((line) => `  ${line}`), ""].join("\n");
}

async function withStore<T>(session: EndpointSession, use: (store: EndpointStore) => Promise<T>): Promise<T> {
  const { store } = await openTable(session.config(), session.env);
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}
