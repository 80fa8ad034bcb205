import { Command, CommanderError, Option } from "commander";
import { version } from "../version.ts";
import { declareEndpointCommands } from "./endpoint-command.ts";
import { errorJson, errorText } from "./error-text.ts";
import { exitStatus } from "./exit-status.ts";
import { declareGatewayCommands } from "./gateway-command.ts";
import type { Io } from "./io.ts";
import { declarePoolsCommands } from "./pools-command.ts";
import type { Session } from "./session.ts";
import { wholeNumber } from "./settings.ts";
import { declareTableCommands } from "./table-commands.ts";

const AFTER = `
Configuration: --config FILE, else the environment variable WAYPOST_CONFIG, else config/waypost.yaml of
this folder, else /etc/waypost/waypost.yaml.
Results go to standard output, messages to standard error.
Exit status: 0 done; 1 not done, or something is wrong; 2 done, but with --wait not in force on every gateway in time.

The cmdlets of Lync are commands too, by these names or after \`waypost\`; each explains itself with -?
  New-CsPersistentChatEndpoint      Get-CsPersistentChatEndpoint
  Set-CsPersistentChatEndpoint      Remove-CsPersistentChatEndpoint

Examples:
  waypost check
  waypost endpoint add ocschat@contoso.com pcpool.contoso.com --reason CHG-4711
  waypost endpoint list --json
  waypost import endpoints.csv --dry-run
  waypost history ocschat@contoso.com
  waypost doctor ocschat@contoso.com
  waypost New-CsPersistentChatEndpoint -SipAddress sip:persistentchat@contoso.com -PersistentChatPoolFqdn pcpool.contoso.com
`;

/**
 * Runs one command of `waypost`.
 * @returns the exit status: 0 done; 1 not done (the reason is on standard error); 2 see exit-status.ts
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
  const session = { io, env, config };

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
    .option("--json", "print a JSON object")
    .action(async (options) => {
      const { runCheck } = await import("./check.ts");
      status = await runCheck(session, options);
    });
  declareEndpointCommands(program, session);
  declareTableCommands(program, session, (given) => {
    status = given;
  });
  declarePoolsCommands(program, session, (given) => {
    status = given;
  });
  declareGatewayCommands(program, session, (given) => {
    status = given;
  });
  program
    .command("doctor <address>")
    .description("examine the way from a legacy client to its pool, step by step; exit status 1 when a step fails")
    .option("--call <identity>", "also make a look-up call with this SIP address as the caller, and end it at once")
    .option("--no-gateway", "do not ask the gateway of this configuration, which runs on another machine")
    .addOption(
      new Option("--timeout <seconds>", "for each step").default(5).argParser((text) => {
        return wholeNumber(text, 1, 120, "--timeout");
      }),
    )
    .option("--json", "print a JSON object")
    .action(async (address: string, options) => {
      status = await (await import("./doctor.ts")).runDoctor(session, address, options);
    });
  declareCompletion(program, session);
  program
    .command("man")
    .description("print the manual page waypost(1), for `man -l -`")
    .action(async () => {
      io.out((await import("./man-page.ts")).manPage(program, version()));
    });

  try {
    await program.parseAsync([...words], { from: "user" });
    return status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 1;
    io.err(words.includes("--json") ? errorJson(error) : errorText(error));
    return exitStatus(error);
  }
}

function declareCompletion(program: Command, session: Session): void {
  program
    .command("completion <shell>")
    .description("print a script that completes commands, options and addresses in bash, zsh or fish")
    .action(async (shell: string) => {
      session.io.out((await import("./completion.ts")).completionScript(shell));
    });
  program.command("__complete [words...]", { hidden: true }).action(async (words: string[]) => {
    const { completions } = await import("./complete.ts");
    const found = await completions(program, words, async () => {
      const { addressesOf } = await import("./endpoint-actions.ts");
      return addressesOf(session);
    });
    session.io.out(found.map((word) => `${word}\n`).join(""));
  });
}
