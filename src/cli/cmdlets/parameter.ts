import type { EndpointDraft } from "../../endpoints/store.ts";

/** What a parameter takes. The names are PowerShell's, as its own help prints them. */
export type ParameterType =
  | "String"
  | "Fqdn"
  | "UserIdParameter"
  | "SwitchParameter"
  | "Boolean"
  | "UInt16"
  | "UInt32"
  | "Unlimited[UInt32]"
  | "OUIdParameter"
  | "PSCredential"
  | "Choice";

/** One parameter of a cmdlet. */
export interface Parameter {
  readonly name: string;
  readonly type: ParameterType;
  readonly help: string;
  readonly aliases?: readonly string[];
  /** Its place among the words that have no parameter name; 0 is the first. */
  readonly position?: number;
  readonly required?: true;
  /** The values of a Choice. */
  readonly choices?: readonly (string | number)[];
  /** The setting of an endpoint that it fills. */
  readonly field?: keyof EndpointDraft;
  /** `$null` or an empty text takes the setting away. */
  readonly clears?: true;
  /** Waypost's own. Lync's names win an abbreviation, so that what was unambiguous in Lync still is. */
  readonly ours?: true;
  /** Accepted with a warning: it has no meaning outside Active Directory. */
  readonly unused?: true;
}

/** A cmdlet by its parameters; its action lives in a file of its own. */
export interface Cmdlet {
  readonly name: string;
  readonly synopsis: string;
  readonly parameters: readonly Parameter[];
  readonly notes: readonly string[];
  readonly examples: readonly string[];
}

/** The value of one bound parameter; null takes a setting away. */
export type Value = string | number | boolean | null;
