/** The little that the load generator reads of a message. Independent of the parser that is measured. */
export class Received {
  readonly text: string;
  /** 0 for a request. */
  readonly status: number;
  /** Of a request, else empty. */
  readonly method: string;

  constructor(text: string) {
    this.text = text;
    this.status = text.startsWith("SIP/2.0 ") ? Number(text.slice(8, 11)) : 0;
    this.method = this.status === 0 ? text.slice(0, text.indexOf(" ")) : "";
  }

  /** The value of the first header of this name; the empty string where there is none. */
  header(name: string): string {
    const start = this.text.indexOf(`\r\n${name}: `);
    if (start < 0) return "";
    const value = start + name.length + 4;
    return this.text.slice(value, this.text.indexOf("\r\n", value));
  }

  /** All lines of this header, whole, in their order. */
  lines(name: string): string {
    let all = "";
    for (let at = this.text.indexOf(`\r\n${name}: `); at >= 0; at = this.text.indexOf(`\r\n${name}: `, at + 2)) {
      all += this.text.slice(at + 2, this.text.indexOf("\r\n", at + 2) + 2);
    }
    return all;
  }

  /** The id of the bench's call that it belongs to. */
  get callId(): string {
    const value = this.header("Call-ID");
    return value.slice(0, value.indexOf("@"));
  }
}

/** The URI within angle brackets. */
export function uriOf(value: string): string {
  return value.slice(value.indexOf("<") + 1, value.indexOf(">"));
}

/** Record-Route lines as Route lines for the caller, who goes along them from the bottom up. */
export function routesForCaller(recordRoutes: string): string {
  return listOf(recordRoutes)
    .reverse()
    .map((value) => `Route: ${value}\r\n`)
    .join("");
}

/** The same for the one who was called. */
export function routesForCallee(recordRoutes: string): string {
  return listOf(recordRoutes)
    .map((value) => `Route: ${value}\r\n`)
    .join("");
}

function listOf(recordRoutes: string): string[] {
  return recordRoutes
    .split("\r\n")
    .filter((line) => line !== "")
    .flatMap((line) => line.slice(line.indexOf(":") + 1).split(","))
    .map((value) => value.trim());
}
