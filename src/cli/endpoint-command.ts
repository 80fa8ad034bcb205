import { type Command, Option } from "commander";
import { WaypostError } from "../errors.ts";
import { changeOptions } from "./change-options.ts";
import type { ChangeOptions } from "./commit.ts";
import type { Session } from "./session.ts";
import { oneOf, SETTINGS, settingValue, wholeNumber } from "./settings.ts";

const actions = () => import("./endpoint-actions.ts");

/** `waypost endpoint …`: the table by commands in the manner of Unix. */
export function declareEndpointCommands(program: Command, session: Session): void {
  const endpoint = program.command("endpoint").description("see and change the endpoint table");
  endpoint
    .command("list")
    .description("list the endpoints")
    .option("--json", "print one JSON object per line")
    .option("--pool <fqdn>", "only the endpoints of this pool")
    .action(async (options) => (await actions()).listEndpoints(session, options));
  endpoint
    .command("show <address>")
    .description("show all of one endpoint, by its address or display name")
    .option("--json", "print a JSON object")
    .action(async (address, options) => (await actions()).showEndpoint(session, address, options));

  const add = endpoint.command("add <address> <pool>").description("map a legacy address to the pool with this FQDN");
  settingOptions(add);
  add.option("--disabled", "keep it in the table without answering for it");
  changeOptions(add).action(async (address: string, pool: string, options: ChangeOptions & { disabled?: true }) => {
    const fields = { ...fieldsOf(options), ...(options.disabled ? { enabled: false } : {}) };
    await (await actions()).addEndpoint(session, { ...fields, sipAddress: address, poolFqdn: pool }, options);
  });

  const set = endpoint
    .command("set <address>")
    .description("change settings of one endpoint, found by its address or display name")
    .option("--pool <fqdn>", "the pool that it shall lead to")
    .option("--address <address>", "a new address instead of the present one");
  settingOptions(set);
  for (const { field, optional, clearing } of SETTINGS) {
    const help = clearing ?? `take the ${kebab(field).replace("-", " ")} away`;
    if (optional) set.option(`--no-${kebab(field)}`, help);
  }
  set
    .option("--enable", "answer for it")
    .addOption(new Option("--disable", "keep it in the table without answering for it").conflicts("enable"))
    .addOption(versionOption());
  changeOptions(set).action(async (address: string, options) => {
    const fields = {
      ...fieldsOf(options),
      ...(options.address === undefined ? {} : { sipAddress: options.address }),
      ...(options.pool === undefined ? {} : { poolFqdn: options.pool }),
      ...(options.enable || options.disable ? { enabled: options.enable === true } : {}),
    };
    if (Object.keys(fields).length === 0) {
      throw new WaypostError("USAGE", "Nothing to set. Give a setting, such as --pool FQDN or --mode redirect.");
    }
    await (await actions()).setEndpoint(session, address, fields, options);
  });

  const retire = endpoint
    .command("retire <address...>")
    .description("make tombstones of endpoints: callers are told that they are gone, and it is still seen who calls")
    .addOption(
      new Option("--status <410|404>", "the answer: 410 Gone or 404 Not Found (default 410)").argParser((text) =>
        oneOf([410, 404], text, "--status"),
      ),
    )
    .option("--tell <text>", "what callers are told besides, such as where the rooms are now");
  changeOptions(retire).action(async (addresses: string[], options) =>
    (await actions()).retireEndpoints(session, addresses, options),
  );

  const remove = endpoint.command("remove <address...>").description("remove endpoints, all of them or none");
  changeOptions(remove).action(async (addresses: string[], options) =>
    (await actions()).removeEndpoints(session, addresses, options),
  );
}

/** The settings given as options; false, from `--no-…`, takes one away. */
function fieldsOf(options: object): Record<string, unknown> {
  const values = new Map(Object.entries(options));
  const given = SETTINGS.filter(({ field }) => values.has(field));
  return Object.fromEntries(
    given.map(({ field }) => [field, values.get(field) === false ? undefined : values.get(field)]),
  );
}

function settingOptions(command: Command): void {
  for (const setting of SETTINGS) {
    const flag = `--${kebab(setting.field)}`;
    if (setting.kind === "flag") {
      command.option(flag, setting.help);
      continue;
    }
    const value = setting.choices ? setting.choices.join("|") : setting.kind;
    const option = new Option(`${flag} <${value}>`, setting.help);
    command.addOption(option.argParser((text) => settingValue(setting, text, flag)));
  }
}

function versionOption(): Option {
  const help = "change nothing when the endpoint has another version by now";
  return new Option("--expect-version <number>", help).argParser((text) =>
    wholeNumber(text, 1, Number.MAX_SAFE_INTEGER, "--expect-version"),
  );
}

function kebab(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
