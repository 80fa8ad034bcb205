import type { SimSetting } from "./sim-actor.ts";
import type { SimCall } from "./sim-call.ts";
import { expectedStatuses, NO_ANSWER } from "./sim-expectation.ts";
import { type Downstream, isPending, NON_INVITE_TRYING, type Upstream } from "./sim-ledger.ts";
import type { SimOracle } from "./sim-oracle.ts";
import { SimPool } from "./sim-pool.ts";

/** What must hold when nothing is under way any more. */
export function judgeEnd(setting: SimSetting, oracle: SimOracle): void {
  for (const upstream of oracle.upstreams.values()) {
    if (upstream.request.method !== "CANCEL") judgeTransaction(setting, oracle, upstream);
  }
  for (const branch of oracle.downstreams.values()) {
    const { final, request, acks } = branch;
    if (request.method === "INVITE" && final !== undefined && final.status >= 300 && acks === 0) {
      if (wasAwaited(branch)) setting.violation(`a failure was not acknowledged (§17.1.1.3): ${request.summary}`);
    }
  }
}

/** On a network that loses nothing every caller gets the one right answer, and every call comes to its end. */
export function judgeCalm(setting: SimSetting, oracle: SimOracle, calls: readonly SimCall[]): void {
  for (const call of calls) {
    const upstream = [...oracle.upstreams.values()].find(
      (one) => one.request.callId === call.callId && one.request.cseq === 1 && one.request.toTag === "",
    );
    if (upstream === undefined) {
      setting.violation(`the first request of ${call.callId} never arrived`);
      continue;
    }
    if (call.cancelled) continue;
    const expected = expectedStatuses(upstream, setting.directory, setting.network);
    if (expected === undefined) continue;
    setting.note("outcome foreseen");
    const outcome = call.outcome ?? NO_ANSWER;
    if (!expected.includes(outcome)) {
      setting.violation(`${call.callId} ended with ${outcome}, not with ${expected.join(" or ")}`);
    } else if (outcome === 200) judgeCourse(setting, upstream, call);
  }
}

function judgeCourse(setting: SimSetting, upstream: Upstream, call: SimCall): void {
  const answered = upstream.branches.find((branch) => branch.final?.status === 200);
  const pool = setting.network.at(answered?.path.peer ?? "");
  const odd = pool instanceof SimPool && (pool.mood.oddity === "garbles" || pool.mood.oddity === "changes its mind");
  const ill = odd || (pool instanceof SimPool && call.plan.kind === "call" && pool.mood.info !== 200);
  if (ill) return;
  if (!call.succeeded) setting.violation(`${call.callId} was answered but did not come to its end`);
  else setting.note(`${call.plan.kind} completed`);
}

function judgeTransaction(setting: SimSetting, oracle: SimOracle, upstream: Upstream): void {
  const { request, finals, branches, decision, inDialog, arrivedAt, cancelledAt } = upstream;
  const proxied = inDialog || decision?.kind === "proxy";
  const [final] = finals;
  if (final === undefined) {
    const unanswered = branches.some((branch) => branch.final === undefined || branch.final.status === 408);
    if (request.method === "INVITE" || !unanswered) setting.violation(`never answered: ${request.summary}`);
    else setting.note("non-INVITE left without an answer (RFC 4320)");
  }
  if (proxied && request.method !== "INVITE") {
    const open = upstream.finalAt === undefined || upstream.finalAt > arrivedAt + NON_INVITE_TRYING;
    if (open && upstream.trying !== arrivedAt + NON_INVITE_TRYING) {
      setting.violation(`no 100 after ${NON_INVITE_TRYING} ms (RFC 4320 §4.1): ${request.summary}`);
    }
    if (open) setting.note("100 to a non-INVITE (RFC 4320)");
  }
  const key = `${request.method} ${request.callId}`;
  if (proxied && (oracle.events.get(key) ?? 0) === 0) setting.violation(`no event tells of ${request.summary}`);
  const settledAt = Math.min(cancelledAt ?? Number.POSITIVE_INFINITY, upstream.finalAt ?? Number.POSITIVE_INFINITY);
  // What was answered before without a transaction, by another table, settles nothing.
  if (request.method === "INVITE" && !upstream.decidedAnew)
    for (const branch of branches) judgeCancelled(setting, branch, settledAt);
}

/**
 * §16.7 step 10, §16.10, §9.1: once the call is cancelled or answered, a branch that has given a provisional response,
 * or does so later, is cancelled.
 */
function judgeCancelled(setting: SimSetting, branch: Downstream, settledAt: number): void {
  const from = Math.max(settledAt, branch.provisionalAt ?? Number.POSITIVE_INFINITY);
  const ended = Math.min(branch.finalAt ?? Number.POSITIVE_INFINITY, branch.brokenAt ?? Number.POSITIVE_INFINITY);
  if (from >= ended || from === Number.POSITIVE_INFINITY) return;
  if (branch.cancelledAt === undefined) setting.violation(`CANCEL was not passed on: ${branch.request.summary}`);
}

/** True when the core still waited as the final response came. */
function wasAwaited(branch: Downstream): boolean {
  return isPending({ ...branch, final: undefined }, branch.finalAt!);
}
