import { type DestinationStream, destination, type Logger, pino } from "pino";

/**
 * The log of a running gateway: JSON lines on standard error, so that standard output keeps to `waypost ready`.
 * @param sink where the lines go instead, for tests
 */
export function createLog(level: string, sink: DestinationStream = destination({ dest: 2, sync: false })): Logger {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, sink);
}
