import { WaypostError } from "../../errors.ts";
import { type Call, emit, flag } from "./call.ts";
import { fieldsOfCall, fieldsOfPiped } from "./fields.ts";
import { commit, type Planned } from "./should-process.ts";
import { targets } from "./targets.ts";

/** Set-CsPersistentChatEndpoint: the same settings for every target, or for each the settings of its own object. */
export async function set(call: Call): Promise<void> {
  const given = fieldsOfCall(call);
  const expected = call.bound.get("ExpectedVersion");
  const planned = (await targets(call)).map(({ endpoint, piped }): Planned => {
    const fields = Object.keys(given).length === 0 && piped ? fieldsOfPiped(call, piped) : given;
    if (Object.keys(fields).length === 0) {
      throw new WaypostError(
        "USAGE",
        `Nothing to set for ${endpoint.sipAddress}. Give a setting, such as -Mode redirect.`,
      );
    }
    const version = typeof expected === "number" ? expected : piped?.version;
    return {
      present: endpoint,
      change: {
        kind: "set",
        sipAddress: endpoint.sipAddress,
        fields,
        ...(version === undefined ? {} : { expectedVersion: version }),
      },
    };
  });
  const changed = await commit(call, planned);
  if (flag(call, "PassThru")) emit(call, changed);
}
