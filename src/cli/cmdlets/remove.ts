import type { Call } from "./call.ts";
import { commit, type Planned } from "./should-process.ts";
import { targets } from "./targets.ts";

/** Remove-CsPersistentChatEndpoint: the endpoint of -Identity, or all those piped in. */
export async function remove(call: Call): Promise<void> {
  const planned = (await targets(call)).map(
    ({ endpoint, piped }): Planned => ({
      present: endpoint,
      change: {
        kind: "remove",
        sipAddress: endpoint.sipAddress,
        ...(piped?.version === undefined ? {} : { expectedVersion: piped.version }),
      },
    }),
  );
  await commit(call, planned);
}
