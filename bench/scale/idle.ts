import { setTimeout as pause } from "node:timers/promises";
import { type ProcessMemory, processMemory, together } from "../load/process-memory.ts";
import { tableOf } from "../report.ts";
import { spreadOf, spreadText } from "../statistics.ts";
import { type Stage, withServer } from "./stage.ts";

const STARTS = 5;
const ROWS = 100;
/** What is made at the start is collected, if it ever is, within this time. */
const SETTLED_MS = 10_000;

/** A gateway with a table of 100 that does nothing: its memory, process by process, and how long it took to start. */
export async function idle(stage: Stage): Promise<string[]> {
  const starts: number[] = [];
  let memory: ProcessMemory[] = [];
  for (let i = 0; i < STARTS; i++) {
    await withServer(
      stage,
      stage.waypost,
      { mode: "proxy", transport: "udp", rows: ROWS },
      async ({ startMs, pid }) => {
        starts.push(startMs);
        if (i < STARTS - 1) return;
        await pause(SETTLED_MS);
        memory = processMemory(pid);
      },
    );
  }
  const row = (what: string, { resident, own, shared }: Omit<ProcessMemory, "what">): string[] => {
    return [what, resident.toFixed(1), own.toFixed(1), shared.toFixed(1)];
  };
  const names = ["supervisor", "serving", "store"];
  const table = tableOf(
    ["process", "resident, MB", "its own", "shared"],
    memory.map((one, i) => row(names[i] ?? one.what, one)),
  );
  return [
    ...table,
    `all of them, what is shared counted once: ${together(memory).toFixed(1)} MB`,
    `ready after ${spreadText(spreadOf(starts), 0)} ms from the start of the process, ${STARTS} starts`,
  ];
}
