import type { X509Certificate } from "node:crypto";
import { hostPort } from "../address.ts";
import type { Config } from "../config/config.ts";
import { WaypostError } from "../errors.ts";
import { type Expiry, expiries, expiryText } from "../transport/tls/expiry.ts";
import { readMaterial } from "../transport/tls/material.ts";
import { nameFault, sipIdentities } from "../transport/tls/names.ts";
import { outboundFiles, type TlsFiles } from "../transport/tls/settings.ts";

/** What `waypost check` finds about certificates. */
export interface CertificateFindings {
  /** One for each certificate and revocation list in use, soonest end first. */
  readonly lines: readonly string[];
  /** Those that end soon or have ended, and listeners whose name is not in their certificate. */
  readonly warnings: readonly string[];
  /** Files that the gateway would not start with. */
  readonly errors: readonly WaypostError[];
}

/** Reads all certificate files of the configuration as the gateway would. @param now ms since 1970 */
export async function checkCertificates({ listen, tls: outbound }: Config, now: number): Promise<CertificateFindings> {
  const found = new Map<string, Expiry>();
  const errors = new Map<string, WaypostError>();
  const misnamed: string[] = [];
  const look = async (files: TlsFiles, legacy: boolean): Promise<X509Certificate | undefined> => {
    try {
      const material = await readMaterial(files, legacy);
      for (const expiry of expiries(material, now)) found.set(expiryText(expiry), expiry);
      return material.chain[0];
    } catch (error) {
      if (!(error instanceof WaypostError)) throw error;
      errors.set(error.message, error);
      return undefined;
    }
  };
  for (const { transport, host, port, advertise, tls } of listen) {
    if (tls === undefined) continue;
    const certificate = await look(outboundFiles({}, tls), tls.legacy ?? false);
    const name = advertise?.host ?? host;
    if (certificate !== undefined && nameFault(name, certificate) !== undefined) {
      const names = sipIdentities(certificate).join(", ") || "no name";
      misnamed.push(`${transport} ${hostPort(host, port)} is known as ${name}, and ${tls.cert} is for ${names}`);
    }
    await look(outboundFiles(outbound, tls), tls.legacy || (outbound.legacyHosts?.length ?? 0) > 0);
  }
  const sorted = [...found].sort(([, a], [, b]) => a.end.getTime() - b.end.getTime());
  return {
    lines: sorted.map(([text]) => text),
    warnings: [...sorted.filter(([, { soon }]) => soon).map(([text]) => text), ...misnamed],
    errors: [...errors.values()],
  };
}
