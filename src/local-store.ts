import { openStore } from "./open-store.ts";
import { type OpenStoreChannel, openOwnProcess } from "./store-channel.ts";
import { StoreService } from "./store-service.ts";

/**
 * What a process that serves calls may read and write itself: some hundred rows are one to two milliseconds of
 * computing at each change, and a process of their own would take 14 MB.
 */
const MOST = { table: 64 * 1024, history: 1024 * 1024 } as const;

/** A file's store in this very process as long as it is small, every other one in a process of its own. */
export const openNearest: OpenStoreChannel = (settings, user) => {
  if (settings.store.kind !== "file") return openOwnProcess(settings, user);
  const service = new StoreService(openStore(settings, true, MOST));
  const session = service.begin((message) => user.received(message));
  const end = (): void => {
    session.end();
    user.ended("it was closed");
  };
  return {
    send: (message) => session.receive(message),
    // What it does keeps the process alive.
    hold: () => undefined,
    hangUp: end,
    kill: end,
  };
};
