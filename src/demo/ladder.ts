import type { BrokenRule, Party, Recorder } from "./recorder.ts";
import { header, isRequest, methodOf, requestUri, type SipText, statusOf, uriIn } from "./sip-text.ts";
import { readXccos } from "./xccos.ts";

/** One message on one hop. */
export interface Rung {
  /** Milliseconds since the ladder was made. */
  readonly time: number;
  readonly from: Party;
  readonly to: Party;
  /** Request: method, and what an INFO carries; response: status and method. */
  readonly summary: string;
  readonly callId: string;
  /** 0 for a request. */
  readonly status: number;
}

/** How a ladder is drawn. */
export interface LadderStyle {
  /** Columns to use, 80 to 120; what lies outside is brought in. */
  readonly width?: number;
  /** Colour by ANSI escapes; for terminals only. */
  readonly colour?: boolean;
}

const COLUMNS: readonly Party[] = ["client", "front end", "Waypost", "pool"];
/** A demo exchanges about 60; a front end and pool that run wild must not eat the memory. */
const MAX_RUNGS = 5000;

/** Collects every message that the sample actors see, and draws them as a message ladder. */
export class Ladder implements Recorder {
  readonly rungs: Rung[] = [];
  readonly brokenRules: BrokenRule[] = [];
  /** Messages beyond the bound, which are counted and not kept. */
  dropped = 0;
  readonly #parties = new Map<string, Party>();
  readonly #dialogs = new Map<string, string>();
  readonly #start: number;
  readonly #clock: () => number;

  /** @param clock milliseconds, monotonic */
  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock;
    this.#start = clock();
  }

  claim(address: string, party: Party): void {
    this.#parties.set(address, party);
  }

  release(address: string): void {
    this.#parties.delete(address);
  }

  partyAt(address: string): Party {
    return this.#parties.get(address) ?? "Waypost";
  }

  message(from: Party, to: Party, message: SipText): void {
    if (this.rungs.length >= MAX_RUNGS) {
      this.dropped += 1;
      return;
    }
    const callId = header(message, "Call-ID") ?? "(none)";
    if (!this.#dialogs.has(callId)) this.#dialogs.set(callId, purposeOf(message));
    const status = statusOf(message);
    const summary = isRequest(message) ? requestSummary(message) : `${status} ${methodOf(message)}`;
    this.rungs.push({ time: this.#clock() - this.#start, from, to, summary, callId, status });
  }

  broken(rule: BrokenRule): void {
    if (this.brokenRules.length < MAX_RUNGS) this.brokenRules.push(rule);
  }

  /** The ladder as lines of text: head, one line per message, and what each Call-ID was for. */
  render(style: LadderStyle = {}): string[] {
    const width = Math.min(120, Math.max(80, style.width ?? 100));
    const paint = style.colour === true ? ansi : (_: string, text: string) => text;
    const keys = [...this.#dialogs.keys()];
    const gap = Math.floor((width - MARGIN - 3) / (COLUMNS.length - 1));
    const lines = [paint("bold", headLine(gap).trimEnd())];
    for (const rung of this.rungs) {
      const key = keyOf(keys.indexOf(rung.callId));
      const margin = `${(rung.time / 1000).toFixed(3).padStart(7)} ${key} `;
      lines.push(paint("dim", margin) + arrow(rung, gap, (text) => paint(colourOf(rung), text)));
    }
    if (this.dropped > 0) lines.push(`          … and ${this.dropped} more`);
    lines.push("");
    keys.forEach((callId, index) => {
      lines.push(
        paint("dim", clip(`${keyOf(index).padStart(9)} Call-ID ${callId}  ${this.#dialogs.get(callId)}`, width)),
      );
    });
    return lines;
  }
}

/** Room for the time and the dialog's letter. */
const MARGIN = 10;

function requestSummary(message: SipText): string {
  const method = methodOf(message);
  const xccos = message.body.length > 0 ? readXccos(message.body) : undefined;
  return xccos === undefined ? method : `${method} ${xccos.id}`;
}

function purposeOf(message: SipText): string {
  const target = isRequest(message) ? requestUri(message) : uriIn(header(message, "To"));
  return `${methodOf(message)} ${target}`;
}

function keyOf(index: number): string {
  return index < 26 ? String.fromCharCode(97 + index) : "*";
}

function headLine(gap: number): string {
  const line: string[] = Array.from({ length: MARGIN + gap * (COLUMNS.length - 1) + 10 }, () => " ");
  COLUMNS.forEach((party, index) => {
    const start = MARGIN + gap * index - Math.floor(party.length / 2);
    [...party].forEach((char, offset) => {
      line[start + offset] = char;
    });
  });
  return line.join("");
}

function arrow(rung: Rung, gap: number, paint: (text: string) => string): string {
  const from = COLUMNS.indexOf(rung.from);
  const to = COLUMNS.indexOf(rung.to);
  const [left, right] = [Math.min(from, to), Math.max(from, to)];
  const blank = " ".repeat(gap - 1);
  const room = gap * (right - left) - 1;
  const label = clip(rung.summary, room - 5);
  const shaft = "─".repeat(room - label.length - 4);
  const drawn = from < to ? `─ ${label} ${shaft}>` : `<─ ${label} ${shaft}`;
  let line = "│";
  for (let column = 0; column < COLUMNS.length - 1; column += 1) {
    if (column === left) line += `${paint(drawn)}│`;
    else if (column < left || column >= right) line += `${blank}│`;
  }
  return line;
}

function colourOf(rung: Rung): string {
  if (rung.status === 0) return "cyan";
  if (rung.status < 200) return "dim";
  return rung.status < 300 ? "green" : "red";
}

function ansi(name: string, text: string): string {
  const codes: Record<string, number> = { bold: 1, dim: 2, red: 31, green: 32, cyan: 36 };
  return `\u001b[${codes[name] ?? 0}m${text}\u001b[0m`;
}

function clip(text: string, room: number): string {
  return text.length <= room ? text : `${text.slice(0, Math.max(0, room - 1))}…`;
}
