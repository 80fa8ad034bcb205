import { type Flow, isReliable } from "./flow.ts";
import { Header } from "./header-names.ts";
import type { SipMessage } from "./message.ts";
import { type Arrival, MARK, type Neighbours } from "./neighbours.ts";
import type { PathNames } from "./proxy/path-names.ts";
import { preprocessRoutes } from "./proxy/routes.ts";
import type { SelfIdentity } from "./self-identity.ts";
import { serverKey } from "./transaction/key.ts";
import type { TransactionTable } from "./transaction/table.ts";

/** Gives away requests that another process has to answer. */
export class Elsewhere {
  private readonly neighbours: Neighbours;
  private readonly transactions: TransactionTable;
  private readonly identity: SelfIdentity;
  private readonly names: PathNames;

  constructor(neighbours: Neighbours, transactions: TransactionTable, identity: SelfIdentity, names: PathNames) {
    this.neighbours = neighbours;
    this.transactions = transactions;
    this.identity = identity;
    this.names = names;
  }

  /**
   * Gives a request that belongs to no transaction of ours to the neighbour that has its dialog: the one that has the
   * connection which its Route names, else the one of its Call-ID. What comes over a connection is for whoever has the
   * connection; only a CANCEL is looked for further.
   * @returns false when it is ours
   */
  takes(request: SipMessage, flow: Flow, arrival: Arrival): boolean {
    const { neighbours } = this;
    const isCancel = request.method === "CANCEL";
    if (isCancel && this.transactions.isServing(serverKey(request, "INVITE"))) return false;
    if (isReliable(flow.transport) && !isCancel) return false;
    if (arrival.passed?.settled !== true && request.value(Header.Route)?.includes(MARK)) {
      const routes = preprocessRoutes(request, this.identity);
      const boundTo = request.to?.tag === undefined ? "" : request.callId;
      const way = routes?.throughUs ? this.names.read(routes, boundTo) : undefined;
      if (way?.flow !== undefined) return false;
      if (way?.elsewhere !== undefined && neighbours.passTo(way.elsewhere, arrival)) return true;
    }
    return isReliable(flow.transport) ? neighbours.passAround(arrival) : neighbours.pass(request.callId, arrival);
  }
}
