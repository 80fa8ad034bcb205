import type { EndpointDraft } from "../../endpoints/store.ts";
import { type Call, emit, flag, missingParameters, text } from "./call.ts";
import { fieldsOfCall, fieldsOfPiped } from "./fields.ts";
import { pipedObjects } from "./input.ts";
import { commit, type Planned } from "./should-process.ts";

/** New-CsPersistentChatEndpoint: one endpoint from the parameters, or one for each object piped in. */
export async function create(call: Call): Promise<void> {
  const piped = text(call, "SipAddress") === undefined ? await pipedObjects(call.io) : undefined;
  const given = fieldsOfCall(call);
  const drafts = piped ? piped.map((object) => ({ ...fieldsOfPiped(call, object), ...given })) : [given];
  const planned = drafts.map((fields): Planned => {
    const missing = call.cmdlet.parameters.filter(({ required, field }) => required && field && !fields[field]);
    if (missing.length > 0) throw missingParameters(missing.map(({ name }) => name));
    const endpoint = fields as EndpointDraft;
    return { change: { kind: "add", endpoint } };
  });
  const made = await commit(call, planned);
  if (flag(call, "PassThru")) emit(call, made);
}
