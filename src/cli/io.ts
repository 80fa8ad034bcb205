/** What a command may do with the world around it; the process's own in main.ts, captured in tests. */
export interface Io {
  /** Results: standard output. */
  out(text: string): void;
  /** Messages about results: standard error. */
  err(text: string): void;
  readonly outIsTerminal: boolean;
  /** All bytes piped or redirected in; undefined when standard input is a terminal, closed or /dev/null. */
  readonly piped: () => Promise<Uint8Array> | undefined;
  /** Asks a person and gives the line typed; undefined when there is no terminal to ask on. */
  ask(question: string): Promise<string | undefined>;
}
