import type { Endpoint } from "../../endpoints/model.ts";
import type { Actor, EndpointStore } from "../../endpoints/store.ts";
import { WaypostError } from "../../errors.ts";
import { jsonLine, list } from "../format.ts";
import type { Io } from "../io.ts";
import type { Opened } from "../session.ts";
import { propertiesOf } from "./object.ts";
import type { Cmdlet, Value } from "./parameter.ts";
import type { Bound } from "./parse.ts";

/** One call of a cmdlet, as its action sees it. */
export interface Call {
  readonly cmdlet: Cmdlet;
  readonly bound: Bound;
  readonly io: Io;
  readonly actor: Actor;
  /** Opens the configured table at the first use, so that a wrong line fails before any file is touched. */
  opened(): Promise<Opened>;
}

export async function storeOf(call: Call): Promise<EndpointStore> {
  return (await call.opened()).store;
}

export function text(call: Call, name: string): string | undefined {
  const value: Value | undefined = call.bound.get(name);
  return value === undefined || value === null ? undefined : String(value);
}

export function flag(call: Call, name: string): boolean {
  return call.bound.get(name) === true;
}

export function warn(call: Call, message: string): void {
  if (!hidden(call.bound.get("WarningAction"))) call.io.err(`WARNING: ${message}\n`);
}

export function verbose(call: Call, message: string): void {
  if (flag(call, "Verbose")) call.io.err(`VERBOSE: ${message}\n`);
}

/** Whether a preference such as -ErrorAction hides the message. */
export function hidden(preference: Value | undefined): boolean {
  return preference === "SilentlyContinue" || preference === "Ignore";
}

/** Puts endpoints on standard output: a list on a terminal, else one JSON object per line. */
export function emit(call: Call, endpoints: readonly Endpoint[]): void {
  const asJson = call.bound.has("Json") ? flag(call, "Json") : !call.io.outIsTerminal;
  const objects = endpoints.map(propertiesOf);
  call.io.out(asJson ? objects.map(jsonLine).join("") : objects.map(list).join("\n"));
}

/** PowerShell's words for required parameters that were not given. */
export function missingParameters(names: readonly string[]): WaypostError {
  return new WaypostError(
    "USAGE",
    `Cannot process command because of one or more missing mandatory parameters: ${names.join(" ")}.`,
  );
}
