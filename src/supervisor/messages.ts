import type { View } from "../engine/neighbours/view.ts";
import type { StoreSettings } from "../open-store.ts";

/** What the supervisor and the processes that serve say to each other, over the channel that node:cluster gives them. */

/** What one of the processes is asked, so that another one can show it for all of them. */
export type Question =
  | { readonly about: "metrics" }
  /** Of the metrics those that only grow: they stay true when the process has ended. */
  | { readonly about: "totals" }
  | { readonly about: "callers"; readonly endpoint: string | undefined }
  | { readonly about: "bans" }
  /** Ends the ban of an address, or all. */
  | { readonly about: "lifted-bans"; readonly address: string | undefined }
  | { readonly about: "registrations"; readonly endpoint: string | undefined }
  /** Registers one address, or all, anew. */
  | { readonly about: "registered-anew"; readonly endpoint: string | undefined };

export type ToMember =
  /** Who it is; the first message. */
  | {
      readonly kind: "role";
      /** Unique among all that this supervisor ever started. */
      readonly id: number;
      /** Its place among those that serve at the same time, from 0. */
      readonly slot: number;
      /** True where others serve until it is ready. */
      readonly replaces: boolean;
      /** Where the Unix sockets between the processes are. */
      readonly folder: string;
      /** Of branches and tags: the same for all. */
      readonly key: readonly [number, number];
    }
  /** All that start with it have their tables: bind the listeners. */
  | { readonly kind: "listen" }
  | { readonly kind: "view"; readonly view: View }
  /** Others serve now: finish what is under way. */
  | { readonly kind: "retire" }
  /** Nobody asks for it any more: close and end. */
  | { readonly kind: "leave" }
  /** The gateway stops. */
  | { readonly kind: "stop" }
  /** Read certificates and route keys again. */
  | { readonly kind: "reload" }
  /** Where the store is that was asked for, or why there is none. */
  | { readonly kind: "store"; readonly number: number; readonly path: string }
  | { readonly kind: "store"; readonly number: number; readonly fault: string }
  | { readonly kind: "question"; readonly number: number; readonly question: Question }
  | { readonly kind: "answers"; readonly number: number; readonly answers: readonly unknown[] };

export type ToSupervisor =
  /** It listens to messages: what was sent before is lost. */
  | { readonly kind: "here" }
  /** It needs the store with these settings. `program`: the file to start where there is none. */
  | { readonly kind: "store"; readonly number: number; readonly settings: StoreSettings; readonly program: string }
  /** Configuration and table are read. */
  | {
      readonly kind: "prepared";
      readonly workers: number;
      readonly logLevel: string;
      /** How long it finishes what is under way: after `stop`, and after `retire`. */
      readonly stopMs: number;
      readonly retireMs: number;
    }
  /** It is bound. `line` is what people and scripts wait for. */
  | { readonly kind: "ready"; readonly line: string }
  | { readonly kind: "view-taken"; readonly version: number }
  /** After `retire` or `stop`: nothing is under way any more. `counted`: what it answers about its metrics. */
  | { readonly kind: "idle"; readonly counted: unknown }
  | { readonly kind: "ask-all"; readonly number: number; readonly question: Question }
  | { readonly kind: "answer"; readonly number: number; readonly answer: unknown };
