import { pino } from "pino";
import t from "tap";
import { AnomalyLog } from "../../src/observe/anomaly-log.ts";

t.test(
  "a stranger cannot fill the log: 20 lines of a kind in 10 s, and the next one counts what was left out",
  async (t) => {
    const lines: { kind: string; detail: string; leftOut?: number }[] = [];
    let now = 0;
    const log = new AnomalyLog(pino({}, { write: (text: string) => void lines.push(JSON.parse(text)) }), () => now);
    for (let i = 0; i < 1000; i++) log.tell("framing", `${i}`);
    log.tell("handshake", "of another kind");
    t.equal(lines.length, 21);
    now = 10_000;
    log.tell("framing", "later");
    log.tell("framing", "later still");
    t.match(lines.slice(21), [
      { kind: "framing", detail: "later", leftOut: 980 },
      { kind: "framing", detail: "later still", leftOut: undefined },
    ]);
  },
);
