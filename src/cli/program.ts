import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { declareEndpointCommands } from "./endpoint-command.ts";
import { errorText } from "./error-text.ts";
import type { Io } from "./io.ts";

const AFTER = `
Configuration: --config FILE, else the environment variable WAYPOST_CONFIG, else config/waypost.yaml.
Results go to standard output, messages to standard error. Exit status: 0 done, 1 not done.

The cmdlets of Lync are commands too, by these names or after \`waypost\`; each explains itself with -?
  New-CsPersistentChatEndpoint      Get-CsPersistentChatEndpoint
  Set-CsPersistentChatEndpoint      Remove-CsPersistentChatEndpoint

Examples:
  waypost check
  waypost endpoint add ocschat@contoso.com pcpool.contoso.com --reason CHG-4711
  waypost endpoint list --json
  waypost New-CsPersistentChatEndpoint -SipAddress sip:persistentchat@contoso.com -PersistentChatPoolFqdn pcpool.contoso.com
`;

/**
 * Runs one command of `waypost`.
 * @returns the exit status: 0 done, 1 not done (the reason is on standard error)
 */
export async function runProgram(words: readonly string[], io: Io, env: NodeJS.ProcessEnv): Promise<number> {
  let status = 0;
  const program = new Command("waypost")
    .description("A signpost at an old address: leads legacy Group Chat clients to their Persistent Chat pool.")
    .version(version(), "-V, --version", "print the version")
    .option("--config <file>", "the configuration file")
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: io.out,
      writeErr: io.err,
      outputError: (text, write) => write(text.replace(/^error: /, "waypost: ")),
    })
    .exitOverride()
    .addHelpText("after", AFTER);
  const config = () => program.opts<{ config?: string }>().config;

  program
    .command("serve")
    .description("run the gateway until a signal ends it")
    .action(async () => {
      const { runServe } = await import("./serve.ts");
      status = await runServe(config());
    });
  program
    .command("start")
    .description("run the gateway with an example endpoint and the sample pool, to try it out")
    .action(async () => {
      const { runStart } = await import("./start.ts");
      status = await runStart(config());
    });
  program
    .command("demo")
    .description("let a sample legacy client call a sample pool through the gateway, and show each message")
    .action(async () => {
      const { runDemo } = await import("./demo.ts");
      status = await runDemo(io.out, process.stdout.columns ?? 100, io.outIsTerminal);
    });
  program
    .command("check")
    .description("check the configuration and the endpoint table; exit status 1 with every reason when they are wrong")
    .action(async () => {
      const { runCheck } = await import("./check.ts");
      status = await runCheck(config(), io, env);
    });
  declareEndpointCommands(program, { io, env, config });

  try {
    await program.parseAsync([...words], { from: "user" });
    return status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 1;
    io.err(errorText(error));
    return 1;
  }
}

function version(): string {
  const manifest: { version: string } = JSON.parse(
    readFileSync(new URL("../../../package.json", import.meta.url), "utf8"),
  );
  return manifest.version;
}
