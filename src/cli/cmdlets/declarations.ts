import { SETTINGS, type Setting } from "../settings.ts";
import type { Cmdlet, Parameter, ParameterType } from "./parameter.ts";

const PREFERENCES = ["Continue", "SilentlyContinue", "Ignore", "Inquire", "Stop", "Suspend"] as const;

/** PowerShell's common parameters. Those that speak of variables are accepted and do nothing: a shell has its own. */
export const COMMON: readonly Parameter[] = [
  { name: "Verbose", aliases: ["vb"], type: "SwitchParameter", help: "tells each step on standard error" },
  { name: "Debug", aliases: ["db"], type: "SwitchParameter", help: "accepted" },
  {
    name: "ErrorAction",
    aliases: ["ea"],
    type: "Choice",
    choices: PREFERENCES,
    help: "SilentlyContinue and Ignore hide the message of an error; the exit status stays 1",
  },
  {
    name: "WarningAction",
    aliases: ["wa"],
    type: "Choice",
    choices: PREFERENCES,
    help: "SilentlyContinue and Ignore hide warnings",
  },
  { name: "InformationAction", aliases: ["infa"], type: "Choice", choices: PREFERENCES, help: "accepted" },
  { name: "ErrorVariable", aliases: ["ev"], type: "String", help: "accepted" },
  { name: "WarningVariable", aliases: ["wv"], type: "String", help: "accepted" },
  { name: "InformationVariable", aliases: ["iv"], type: "String", help: "accepted" },
  { name: "OutVariable", aliases: ["ov"], type: "String", help: "accepted" },
  { name: "OutBuffer", aliases: ["ob"], type: "UInt32", help: "accepted" },
  { name: "PipelineVariable", aliases: ["pv"], type: "String", help: "accepted" },
];

const WHAT_IF: Parameter = {
  name: "WhatIf",
  aliases: ["wi"],
  type: "SwitchParameter",
  help: "checks everything and says what would happen, and changes nothing",
};
const CONFIRM: Parameter = {
  name: "Confirm",
  aliases: ["cf"],
  type: "SwitchParameter",
  help: "asks on the terminal before each change",
};
const PASS_THRU: Parameter = {
  name: "PassThru",
  type: "SwitchParameter",
  help: "prints the endpoint as it is afterwards",
};
const JSON_OUT: Parameter = {
  name: "Json",
  type: "SwitchParameter",
  ours: true,
  help: "prints one JSON object per line, on a terminal too; -Json:false prints a list in a pipe too",
};
const CONFIG: Parameter = {
  name: "Config",
  type: "String",
  ours: true,
  help: "the configuration file (default: WAYPOST_CONFIG, else config/waypost.yaml, else /etc/waypost/waypost.yaml)",
};
const REASON: Parameter = { name: "Reason", type: "String", ours: true, help: "why, for the history of the table" };
const FORCE: Parameter = {
  name: "Force",
  type: "SwitchParameter",
  ours: true,
  help: "even when the pool does not answer or is a gateway; needs -Reason",
};
const WAIT: Parameter = {
  name: "Wait",
  type: "SwitchParameter",
  ours: true,
  help: "returns when every live gateway runs the change",
};
const TIMEOUT: Parameter = {
  name: "Timeout",
  type: "UInt32",
  ours: true,
  help: "with -Wait, the most seconds to wait (default 30); after that the exit status is 2",
};
const HELP: Parameter = { name: "Help", aliases: ["?"], type: "SwitchParameter", ours: true, help: "prints this text" };
const IDENTITY: Parameter = {
  name: "Identity",
  type: "UserIdParameter",
  position: 0,
  help: "SIP address, with or without sip:, or display name",
};
// The documentation of Remove has an example with -PoolFqdn, which people copy.
const POOL: Parameter = {
  name: "PersistentChatPoolFqdn",
  aliases: ["PoolFqdn"],
  type: "Fqdn",
  help: "FQDN of the Persistent Chat pool",
};

const TYPES: Readonly<Record<Setting["kind"], ParameterType>> = {
  text: "String",
  fqdn: "Fqdn",
  port: "UInt16",
  codes: "String",
  choice: "Choice",
  flag: "Boolean",
};

/** Waypost's settings as parameters; with `clearing`, optional ones can be taken away. */
function settings(clearing: boolean): Parameter[] {
  const own = SETTINGS.map((setting): Parameter => {
    const name = `${setting.field.charAt(0).toUpperCase()}${setting.field.slice(1)}`;
    return {
      name,
      type: TYPES[setting.kind],
      field: setting.field,
      help: clearing && setting.optional ? `${setting.help}; -${name} "" takes it away` : setting.help,
      ...(setting.choices ? { choices: setting.choices } : {}),
      ...(clearing && setting.optional ? { clears: true } : {}),
      ...(setting.field === "displayName" ? {} : { ours: true }),
    };
  });
  const enabled = "false keeps the endpoint in the table without answering for it (default true)";
  return [...own, { name: "Enabled", type: "Boolean", field: "enabled", ours: true, help: enabled }];
}

/** The cmdlets, by their names in Lync Server 2013 (Set is Waypost's own). */
export const CMDLETS: readonly Cmdlet[] = [
  {
    name: "New-CsPersistentChatEndpoint",
    synopsis: "Makes an endpoint: maps a legacy address to a Persistent Chat pool.",
    parameters: [
      { name: "SipAddress", type: "String", required: true, field: "sipAddress", help: "address that clients dial" },
      { ...POOL, required: true, field: "poolFqdn" },
      ...settings(false),
      PASS_THRU,
      CONFIRM,
      WHAT_IF,
      FORCE,
      WAIT,
      TIMEOUT,
      REASON,
      JSON_OUT,
      CONFIG,
      HELP,
    ],
    notes: [
      "Without -SipAddress, reads endpoints from standard input as Get-CsPersistentChatEndpoint prints them into a",
      "pipe. All of them are made, or none.",
    ],
    examples: [
      "New-CsPersistentChatEndpoint -SipAddress sip:persistentchat@contoso.com -PersistentChatPoolFqdn pcpool.contoso.com",
      'New-CsPersistentChatEndpoint -Sip ocschat@contoso.com -Pool pcpool.contoso.com -DisplayName "Chat rooms" -PassThru',
    ],
  },
  {
    name: "Get-CsPersistentChatEndpoint",
    synopsis: "Shows endpoints.",
    parameters: [
      { ...IDENTITY, help: `${IDENTITY.help}; all endpoints when it is left out` },
      { ...POOL, help: "only the endpoints of this pool" },
      { name: "Filter", type: "String", help: 'only endpoints that fit, such as {SipAddress -like "*@contoso.com"}' },
      {
        name: "ResultSize",
        type: "Unlimited[UInt32]",
        help: "at most so many, 0 to 2147483647 or Unlimited; 0 returns nothing (default Unlimited)",
      },
      { name: "LdapFilter", type: "String", unused: true, help: "accepted; has no meaning here" },
      { name: "OU", type: "OUIdParameter", unused: true, help: "accepted; has no meaning here" },
      { name: "Credential", type: "PSCredential", unused: true, help: "accepted; has no meaning here" },
      { name: "DomainController", type: "Fqdn", unused: true, help: "accepted; has no meaning here" },
      JSON_OUT,
      CONFIG,
      HELP,
    ],
    notes: ["Never reads standard input."],
    examples: [
      "Get-CsPersistentChatEndpoint",
      "Get-CsPersistentChatEndpoint sip:persistentchat@contoso.com",
      "Get-CsPersistentChatEndpoint -Filter 'DisplayName -like \"Chat*\"' -ResultSize 10",
    ],
  },
  {
    name: "Set-CsPersistentChatEndpoint",
    synopsis: "Changes settings of endpoints. Lync had to remove and create again; Waypost does not.",
    parameters: [
      { ...IDENTITY, required: true },
      { ...POOL, field: "poolFqdn", help: "FQDN of the pool that it shall lead to from now on" },
      { name: "SipAddress", type: "String", field: "sipAddress", help: "a new address instead of the present one" },
      ...settings(true),
      {
        name: "ExpectedVersion",
        type: "UInt32",
        ours: true,
        help: "changes nothing when the endpoint has another version by now",
      },
      PASS_THRU,
      CONFIRM,
      WHAT_IF,
      FORCE,
      WAIT,
      TIMEOUT,
      REASON,
      JSON_OUT,
      CONFIG,
      HELP,
    ],
    notes: [
      "Without -Identity, reads endpoints from standard input: JSON objects or addresses, one per line. With settings",
      "on the command line each of them gets these; without, each gets the settings of its own JSON object. A Version",
      "in the object is expected to be the present one. All of them are changed, or none.",
    ],
    examples: [
      "Set-CsPersistentChatEndpoint sip:persistentchat@contoso.com -PersistentChatPoolFqdn pcpool2.contoso.com",
      "Set-CsPersistentChatEndpoint persistentchat@contoso.com -Mode redirect -RedirectStatus 303 -Reason CHG-4711",
      "Get-CsPersistentChatEndpoint -Pool old.contoso.com | Set-CsPersistentChatEndpoint -Pool new.contoso.com",
    ],
  },
  {
    name: "Remove-CsPersistentChatEndpoint",
    synopsis: "Removes endpoints.",
    parameters: [
      { ...IDENTITY, required: true },
      { name: "Force", type: "SwitchParameter", help: "passes over endpoints that do not exist, without an error" },
      CONFIRM,
      WHAT_IF,
      WAIT,
      TIMEOUT,
      REASON,
      CONFIG,
      HELP,
    ],
    notes: [
      "Without -Identity, reads endpoints from standard input: JSON objects or addresses, one per line. A Version in",
      "the object is expected to be the present one. All of them are removed, or none.",
    ],
    examples: [
      "Remove-CsPersistentChatEndpoint -Identity sip:persistentchat@contoso.com -WhatIf",
      "Get-CsPersistentChatEndpoint -PersistentChatPoolFqdn pcpool.contoso.com | Remove-CsPersistentChatEndpoint",
    ],
  },
];

/** The cmdlet of that name in any case, or undefined. */
export function cmdletNamed(name: string): Cmdlet | undefined {
  return CMDLETS.find((cmdlet) => cmdlet.name.toLowerCase() === name.toLowerCase());
}
