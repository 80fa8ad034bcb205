import { constants } from "node:os";

/** The system calls of Linux that node:dgram has no way to. Each returns -1 on an error; `errno` is its number then. */
export interface SystemCalls {
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Buffer, length: number): number;
  getsockname(fd: number, address: Buffer, length: Uint32Array): number;
  setsockopt(fd: number, level: number, option: number, value: Uint32Array, length: number): number;
  recvmmsg(fd: number, messages: Buffer, count: number, flags: number, timeout: null): number;
  sendmmsg(fd: number, messages: Buffer, count: number, flags: number): number;
  close(fd: number): number;
  fcntl(fd: number, command: number, argument: number): number;
  inet_pton(family: number, text: string, binary: Buffer): number;
  inet_ntop(family: number, binary: Buffer, text: Buffer, size: number): string | null;
  if_nametoindex(name: string): number;
  if_indextoname(index: number, name: Buffer): string | null;
  errno(): number;
  /** Where the bytes of a buffer lie in memory. A buffer's bytes never move. */
  addressOf(buffer: Buffer): bigint;
  /**
   * Has the event loop watch a descriptor for something to read. It watches each descriptor for one party only, and
   * nobody looks after what `readable` throws or leaves to microtasks. Where the kernel refuses, the process ends.
   * @param readable called in each turn in which there is something; with a negative status when watching has ended
   */
  poll(fd: number, readable: (status: number) => void): PollHandle;
}

/** What `poll` gives; libuv's uv_poll_t. */
export interface PollHandle {
  start(readable: (status: number) => void): void;
  stop(): void;
  close(): void;
}

export const AF_INET = 2;
export const AF_INET6 = 10;
export const SOCK_DGRAM_NONBLOCK_CLOEXEC = 2 | 0o4000 | 0o2000000;
export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SO_SNDBUF = 7;
export const SO_RCVBUF = 8;
export const SO_SNDBUFFORCE = 32;
export const SO_RCVBUFFORCE = 33;
export const IPPROTO_IPV6 = 41;
export const IPV6_V6ONLY = 26;
export const MSG_DONTWAIT = 0x40;
export const F_DUPFD_CLOEXEC = 1030;
export const { EAGAIN } = constants.errno;

/** The layouts in message-batch.ts are those of 64-bit little-endian Linux, which is the same on all of these. */
const ARCHITECTURES = ["x64", "arm64", "riscv64", "loong64"];

let loading: Promise<SystemCalls | string> | undefined;

/** The system calls, or why there are none here, in words. */
export function loadSystemCalls(): Promise<SystemCalls | string> {
  return (loading ??= load());
}

async function load(): Promise<SystemCalls | string> {
  if (process.platform !== "linux") return `bursts are for Linux, and this is ${process.platform}`;
  if (!ARCHITECTURES.includes(process.arch)) return `bursts are not there for ${process.arch}`;
  try {
    const koffi = (await import("koffi")).default;
    // Not among what koffi documents, so another version of it may have no such thing.
    if (typeof koffi.node?.poll !== "function") return `koffi ${koffi.version} cannot watch a socket`;
    const libc = koffi.load(null);
    return {
      socket: libc.func("int socket(int, int, int)"),
      bind: libc.func("int bind(int, void *, uint32_t)"),
      getsockname: libc.func("int getsockname(int, void *, void *)"),
      setsockopt: libc.func("int setsockopt(int, int, int, void *, uint32_t)"),
      recvmmsg: libc.func("int recvmmsg(int, void *, unsigned int, int, void *)"),
      sendmmsg: libc.func("int sendmmsg(int, void *, unsigned int, int)"),
      close: libc.func("int close(int)"),
      fcntl: libc.func("int fcntl(int, int, int)"),
      inet_pton: libc.func("int inet_pton(int, const char *, void *)"),
      inet_ntop: libc.func("const char *inet_ntop(int, void *, void *, uint32_t)"),
      if_nametoindex: libc.func("unsigned int if_nametoindex(const char *)"),
      if_indextoname: libc.func("const char *if_indextoname(unsigned int, void *)"),
      errno: () => koffi.errno(),
      addressOf: (buffer) => koffi.address(buffer),
      // Its types tell of one parameter too few.
      poll: koffi.node.poll as unknown as SystemCalls["poll"],
    };
  } catch (error) {
    return `the package koffi cannot be loaded (${(error as Error).message.split("\n")[0]})`;
  }
}

/** The error of the last call, as Node would have made it. */
export function systemError(calls: SystemCalls, call: string): NodeJS.ErrnoException {
  const number = calls.errno();
  const code = errorCode(number);
  return Object.assign(new Error(`${call} ${code}`), { code, errno: number, syscall: call });
}

function errorCode(number: number): string {
  for (const [name, value] of Object.entries(constants.errno)) if (value === number) return name;
  return `errno ${number}`;
}
