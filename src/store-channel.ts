import { type ChildProcess, fork } from "node:child_process";
import { connect, type Socket } from "node:net";
import { setPriority } from "node:os";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import type { StoreSettings } from "./open-store.ts";
import { encodeStoreMessage, storeMessageReader } from "./store-frames.ts";
import type { Answer, Call, News, StoreOrder, Taken } from "./store-messages.ts";

/** What a channel tells the one that opened it. */
export interface StoreChannelUser {
  received(message: Answer | News): void;
  /** The store is not to be had any more; once. */
  ended(reason: string): void;
}

/** The way to a store, wherever that lives. */
export interface StoreChannel {
  /** What cannot be sent any more is answered for by `ended`. */
  send(message: Call | Taken): void;
  /** Whether the channel keeps this process alive. */
  hold(on: boolean): void;
  /** Lets go of the store, which has said goodbye. */
  hangUp(): void;
  /** Ends it whatever it does. */
  kill(): void;
}

export type OpenStoreChannel = (settings: StoreSettings, user: StoreChannelUser) => StoreChannel;

/** Computing for the table stands a little behind computing for calls. */
const PRIORITY = 2;

/** The file of the process in which a store lives. */
export const STORE_PROGRAM = fileURLToPath(new URL(`./store-process${extname(import.meta.url)}`, import.meta.url));

/** Starts a process for a store. It does not keep this one alive. @param program see STORE_PROGRAM */
export function startStoreProcess(order: StoreOrder, program = STORE_PROGRAM): ChildProcess {
  const stdio = ["ignore", "inherit", "inherit", "ipc"] as const;
  const started = fork(program, { execArgv: [], serialization: "advanced", stdio: [...stdio] });
  started.send(order, () => undefined);
  started.unref();
  started.channel?.unref();
  try {
    setPriority(started.pid ?? 0, PRIORITY);
  } catch {
    // A system that does not permit it: then both have the same.
  }
  return started;
}

/** A store in a process of its own, for this one alone. */
export const openOwnProcess: OpenStoreChannel = (settings, user) => {
  const child = startStoreProcess({ settings });
  let isOver = false;
  const ended = (reason: string): void => {
    if (!isOver) user.ended(reason);
    isOver = true;
  };
  child.on("message", (message: Answer | News) => user.received(message));
  child.on("error", (error) => ended(error.message));
  child.on("exit", (status, signal) => ended(signal ?? `exit status ${status}`));
  return {
    send: (message) => void (child.connected && child.send(message, () => undefined)),
    hold: (on) => {
      on ? child.ref() : child.unref();
      on ? child.channel?.ref() : child.channel?.unref();
    },
    hangUp: () => void (child.connected && child.disconnect()),
    kill: () => void child.kill("SIGKILL"),
  };
};

/** The store of this host, which several processes share. @param path of its socket, when there is one */
export function openSharedStore(path: Promise<string>, user: StoreChannelUser): StoreChannel {
  let socket: Socket | undefined;
  let isHeld = false;
  let isOver = false;
  const early: Buffer[] = [];
  const end = (reason: string): void => {
    if (!isOver) user.ended(reason);
    isOver = true;
    socket?.destroy();
  };
  path.then(
    (where) => {
      if (isOver) return;
      const reader = storeMessageReader((message) => user.received(message as Answer | News));
      socket = connect(where);
      if (!isHeld) socket.unref();
      let reason = "it hung up";
      socket.on("data", (chunk) => reader.push(chunk));
      socket.on("error", (error) => {
        reason = error.message;
      });
      socket.on("close", () => end(reason));
      for (const frame of early.splice(0)) socket.write(frame);
    },
    (error: Error) => end(error.message),
  );
  return {
    send: (message) => {
      const frame = encodeStoreMessage(message);
      if (socket === undefined) early.push(frame);
      else if (!socket.destroyed) socket.write(frame);
    },
    hold: (on) => {
      isHeld = on;
      on ? socket?.ref() : socket?.unref();
    },
    hangUp: () => void socket?.end(),
    kill: () => end("it was closed"),
  };
}
