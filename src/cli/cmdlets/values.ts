import { WaypostError } from "../../errors.ts";
import { oneOf, settingValue, wholeNumber } from "../settings.ts";
import type { Parameter, Value } from "./parameter.ts";

const MOST = 2147483647;

/**
 * Turns the text of an argument into the value that the parameter's type asks for.
 * @throws WaypostError SETTING_INVALID that says what is allowed
 */
export function convert(parameter: Parameter, text: string): Value {
  const label = `-${parameter.name}`;
  if (parameter.clears && (text.trim() === "" || text.toLowerCase() === "$null")) return null;
  switch (parameter.type) {
    case "SwitchParameter":
    case "Boolean":
      return truth(parameter, text);
    case "UInt16":
      return settingValue({ kind: "port" }, text, label);
    case "UInt32":
      return wholeNumber(text, 0, MOST, label);
    case "Unlimited[UInt32]":
      return resultSize(text, label);
    case "Choice":
      return oneOf(parameter.choices ?? [], text, label);
    default:
      return settingValue({ kind: "text" }, text, label);
  }
}

/** The value after the colon of `-Switch:value`. */
export function switchValue(parameter: Parameter, text: string): boolean {
  if (text === "") {
    throw new WaypostError(
      "USAGE",
      `-${parameter.name}: has no value. A Unix shell replaces $true and $false by nothing: ` +
        `write -${parameter.name}:true or -${parameter.name}:false.`,
    );
  }
  return truth(parameter, text);
}

function truth(parameter: Parameter, text: string): boolean {
  const value = text.toLowerCase().replace(/^\$/, "");
  if (value === "true" || value === "1") return true;
  if (value === "false" || value === "0") return false;
  throw new WaypostError("SETTING_INVALID", `-${parameter.name} takes $true or $false, not "${text}".`);
}

function resultSize(text: string, label: string): Value {
  if (text.toLowerCase() === "unlimited") return "Unlimited";
  if (/^\d{1,16}$/.test(text) && Number(text) <= MOST) return Number(text);
  throw new WaypostError(
    "SETTING_INVALID",
    `${label} takes a whole number from 0 to ${MOST} or Unlimited, not "${text}".`,
  );
}
