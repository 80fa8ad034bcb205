import { execFile } from "node:child_process";

/** What systemd is told (sd_notify(3)), by the names that it has there. */
export interface ServiceState {
  readonly READY?: "1";
  readonly STOPPING?: "1";
  /** A line for `systemctl status`. */
  readonly STATUS?: string;
}

/**
 * Tells systemd how the service is; without systemd nothing happens. Node has no datagram sockets of the Unix kind, so
 * systemd's own program does it: the unit needs `NotifyAccess=all`.
 */
export function tellServiceManager(state: ServiceState): void {
  if (process.env["NOTIFY_SOCKET"] === undefined) return;
  const words = Object.entries(state).map(([name, value]) => `${name}=${value}`);
  // What goes wrong with a line of status is no reason to do anything else differently.
  execFile("systemd-notify", words, () => undefined);
}
