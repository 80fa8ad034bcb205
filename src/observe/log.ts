import { type DestinationStream, destination, type Logger, pino } from "pino";

/** Bytes that may wait for a reader of standard error that does not read; beyond it lines are left out, not memory used. */
const MAX_WAITING = 16 * 1024 * 1024;

/**
 * The log of a running gateway: JSON lines on standard error, so that standard output keeps to `waypost ready`.
 * @param sink where the lines go instead, for tests
 */
export function createLog(
  level: string,
  sink: DestinationStream = destination({ dest: 2, sync: false, maxLength: MAX_WAITING }),
): Logger {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, sink);
}
