import { WaypostError } from "../../errors.ts";
import { actor } from "../actor.ts";
import { withFullStop } from "../error-text.ts";
import { exitStatus } from "../exit-status.ts";
import type { Io } from "../io.ts";
import { type Opened, sampleWarning } from "../session.ts";
import { type Call, hidden, text, warn } from "./call.ts";
import { CMDLETS, cmdletNamed } from "./declarations.ts";
import { helpText } from "./help.ts";
import type { Cmdlet } from "./parameter.ts";
import { type Bound, bind } from "./parse.ts";

const ACTIONS: Readonly<Record<string, () => Promise<(call: Call) => Promise<void>>>> = {
  "New-CsPersistentChatEndpoint": async () => (await import("./new.ts")).create,
  "Get-CsPersistentChatEndpoint": async () => (await import("./get.ts")).get,
  "Set-CsPersistentChatEndpoint": async () => (await import("./set.ts")).set,
  "Remove-CsPersistentChatEndpoint": async () => (await import("./remove.ts")).remove,
};

/**
 * Runs a cmdlet, or Get-Help for one, under its name in any case.
 * @returns the exit status: 0 done; 1 not done (the reason is on standard error); 2 see exit-status.ts
 */
export async function runCmdlet(
  name: string,
  words: readonly string[],
  io: Io,
  env: NodeJS.ProcessEnv,
): Promise<number> {
  if (name.toLowerCase() === "get-help") return runCmdlet(words[0] ?? "", ["-Help"], io, env);
  const cmdlet = cmdletNamed(name);
  if (!cmdlet) {
    const known = CMDLETS.map((one) => `    ${one.name}\n`).join("");
    io.err(`${name} : The term '${name}' is not recognized as the name of a cmdlet. There are:\n${known}`);
    return 1;
  }
  let bound: Bound = new Map();
  let opened: Promise<Opened> | undefined;
  try {
    bound = bind(cmdlet, words);
    if (bound.get("Help") === true) {
      io.out(helpText(cmdlet));
      return 0;
    }
    const call: Call = {
      cmdlet,
      bound,
      io,
      actor: actor(env, bound.get("Reason")?.toString()),
      opened: () => (opened ??= openConfigured(call, env)),
    };
    for (const parameter of cmdlet.parameters) {
      if (!parameter.unused || !bound.has(parameter.name)) continue;
      warn(call, `-${parameter.name} has no meaning here: Waypost keeps its endpoints outside Active Directory.`);
    }
    const action = await ACTIONS[cmdlet.name]?.();
    await action?.(call);
    return 0;
  } catch (error) {
    if (!hidden(bound.get("ErrorAction"))) io.err(errorText(cmdlet, error));
    return exitStatus(error);
  } finally {
    await opened?.then(({ store }) => store.close()).catch(() => undefined);
  }
}

async function openConfigured(call: Call, env: NodeJS.ProcessEnv): Promise<Opened> {
  const { openTable } = await import("../open-table.ts");
  const opened = await openTable(text(call, "Config"), env);
  const warning = sampleWarning(opened.config);
  if (warning !== undefined) warn(call, `${warning.replace("--config", "-Config")}.`);
  return opened;
}

function errorText(cmdlet: Cmdlet, error: unknown): string {
  if (!(error instanceof WaypostError)) return `${cmdlet.name} : ${error instanceof Error ? error.message : error}\n`;
  const remedy = error.code === "USAGE" ? `${cmdlet.name} -? shows how it is used.` : error.remedy;
  const message = withFullStop(error.message);
  const sentence = `${message.charAt(0).toUpperCase()}${message.slice(1)}`;
  return `${cmdlet.name} : ${sentence}\n${remedy}\n    + FullyQualifiedErrorId : ${error.code},${cmdlet.name}\n`;
}
