import { queryOf, type SimDirectory } from "./sim-directory.ts";
import { FIRST_RESPONSE, NON_INVITE_TRYING, TRANSACTION_TIME, type Upstream } from "./sim-ledger.ts";
import type { SimNetwork } from "./sim-network.ts";
import { SimPool } from "./sim-pool.ts";

/** No final response at all (RFC 4320 §4.2). */
export const NO_ANSWER = 0;
/** The longest that a request and its answer are under way on a network that loses nothing, connecting included. */
const ROUND_TRIP = 400;

type Step = number | "next" | "next, silent" | "unclear";

/**
 * The final statuses that the caller may get over a network which loses nothing and servers which stay as they are,
 * or undefined where a race decides. For a request that the caller does not cancel.
 */
export function expectedStatuses(
  upstream: Upstream,
  directory: SimDirectory,
  network: SimNetwork,
): readonly number[] | undefined {
  const { decision, request } = upstream;
  if (decision === undefined || upstream.inDialog) return undefined;
  if (decision.kind !== "proxy") return [decision.status];
  const invite = request.method === "INVITE";
  const steps: (() => Step)[] = [];
  for (const uri of decision.nextHops) {
    const query = queryOf(uri)!;
    const found = directory.saidFor(request.callId, query);
    if (!found.ok) continue;
    for (const target of found.targets) {
      const node = network.at(`${target.address}:${target.port}`);
      steps.push(() => {
        if (node === undefined || node.reach === "refusing") return "next";
        if (node.reach === "silent") return target.transport === "tcp" ? "unclear" : "next, silent";
        if (!(node instanceof SimPool)) return "unclear";
        const last = steps.length === 0;
        const step = invite ? inviteStep(node, last) : otherStep(node, last, request.method);
        // Its answers overtake each other.
        if (node.mood.oddity === "changes its mind") return "unclear";
        return node.mood.oddity === "garbles" && typeof step === "number" ? garbled(step) : step;
      });
    }
  }
  let silence = false;
  for (;;) {
    const step = steps.shift();
    if (step === undefined) break;
    const outcome = step();
    if (outcome === "unclear") return undefined;
    if (outcome === "next, silent") silence = true;
    else if (outcome !== "next") return outcome === 487 ? [487, 408] : [outcome];
  }
  if (!silence) return [500];
  return [invite ? 408 : NO_ANSWER];
}

/** What becomes of a status that is garbled: a failure, which lets the next one try. */
function garbled(step: number): Step {
  return step === 487 || step === NO_ANSWER ? "unclear" : "next";
}

function inviteStep(pool: SimPool, last: boolean): Step {
  const { invite, answersAfter, provisionals } = pool.mood;
  switch (invite) {
    case "accepts":
    case "accepts twice":
    case "rings long":
      return provisionals || answersAfter + ROUND_TRIP < FIRST_RESPONSE ? 200 : "unclear";
    case "accepts late":
    case "wakes late":
      return last ? 200 : "unclear";
    case "rings for ever":
    case "only tries":
      return last ? 487 : "unclear";
    case "silent":
      return "next, silent";
    case "503":
      return "next";
    case "401":
      return 403;
    default:
      return Number(invite);
  }
}

function otherStep(pool: SimPool, last: boolean, method: string): Step {
  const { other, answersAfter, rfc4320 } = pool.mood;
  if (other === "silent") return "next, silent";
  if (other === "503") return "next";
  if (other === "401") return 403;
  if (other === "408") return NO_ANSWER;
  if (other !== "accepts" && other !== "accepts late") return Number(other);
  const after = other === "accepts late" ? 2000 + 5 * answersAfter : answersAfter;
  const inTime = after + ROUND_TRIP < FIRST_RESPONSE || (rfc4320 && NON_INVITE_TRYING + ROUND_TRIP < FIRST_RESPONSE);
  if (!last && !inTime) return "unclear";
  if (after + ROUND_TRIP > TRANSACTION_TIME) return "unclear";
  return method === "BYE" ? 481 : 200;
}
