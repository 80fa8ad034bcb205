import type { Connection, ConnectionOwner } from "./connection.ts";

/** A message has arrived on a connection: hands it on, if the admission lets it pass. */
export function takeIn(bytes: Buffer, connection: Connection, { handler, stats, options }: ConnectionOwner): void {
  stats.messagesIn++;
  const verdict = options.admission.message(bytes, connection);
  if (verdict === "pass") handler.received(bytes, connection);
  else if (verdict === "drop") stats.dropped++;
  else {
    stats.answeredUnread++;
    connection.send(verdict.bytes);
  }
}

/**
 * A peer over its rate is read no further for a while, so that TCP slows it down and nothing is lost.
 * @param resumed called when reading goes on
 */
export function pauseIfTooFast(
  socket: { pause(): unknown; resume(): unknown; isPaused: boolean | (() => boolean) },
  address: string,
  { stats, options }: ConnectionOwner,
  resumed: () => void,
): void {
  const ms = options.admission.pauseMs(address);
  if (ms <= 0) return;
  const isPaused = typeof socket.isPaused === "function" ? socket.isPaused() : socket.isPaused;
  if (isPaused) return;
  stats.paused++;
  socket.pause();
  setTimeout(() => {
    socket.resume();
    resumed();
  }, ms).unref();
}
