import { WaypostError } from "../../errors.ts";

const MEANING: readonly (readonly [RegExp, string])[] = [
  [/ECONNREFUSED/, "the connection is refused; nothing listens there"],
  [/ENOTFOUND|EAI_AGAIN/, "its name is not found in DNS"],
  [/EHOSTUNREACH|ENETUNREACH/, "there is no way to its network"],
  [/ECONNRESET|EPIPE|Connection is closed/i, "the connection was lost"],
  [/timed? ?out|Socket timeout|ETIMEDOUT/i, "it does not answer in time"],
  [/WRONGPASS|invalid username-password/i, "it refuses user and password"],
  [/NOAUTH/, "it wants a password, and none is set"],
  [/NOPERM|can't run this command/, "its ACL does not permit this user what is needed"],
  [/LOADING/, "it is still reading its data from disk"],
  [/READONLY/, "it is a replica, and only the primary takes changes"],
  [/NOREPLICAS/, "too few of its replicas are connected (min-replicas-to-write)"],
  [/MISCONF/, "it cannot save to disk and takes no changes"],
  [/OOM/, "its memory is full"],
  [/CLUSTERDOWN|ClusterAllFailed|Failed to refresh slots/i, "its Cluster is down"],
  [/sentinels are unreachable/i, "no Sentinel answers or knows a primary"],
  [/MASTERDOWN/, "its primary is down"],
  [/NOSCRIPT|unknown command/i, "it does not know a command that is needed; version 6 or later is"],
  [/alert.*certificate/i, "it wants a TLS certificate of ours, or does not accept it"],
  [/certificate|self.signed|altname/i, "its TLS certificate is not accepted"],
];

/** ioredis's words for a lost connection, which speak of options that nobody here has set. */
const LOST = /max retries per request|isn't writeable/;

/** Why Redis cannot be used, for people; an error of ours passes unchanged. */
export function redisError(place: string, error: unknown): WaypostError {
  if (error instanceof WaypostError) {
    return error;
  }
  const { message } = error as Error;
  if (LOST.test(message)) {
    return new WaypostError("STORE_UNREACHABLE", `Redis ${place}: the connection was lost`, { cause: error });
  }
  const words = MEANING.find(([pattern]) => pattern.test(message))?.[1];
  // What Redis adds about the place in a script says nothing to anybody.
  const told = message.split(/\n|\.? script: [0-9a-f]+, on @/, 1)[0];
  const why = words === undefined ? told : `${words} (${told})`;
  return new WaypostError("STORE_UNREACHABLE", `Redis ${place}: ${why}`, { cause: error });
}
