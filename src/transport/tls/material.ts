import { constants, createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createSecureContext, type SecureContextOptions } from "node:tls";
import { WaypostError } from "../../errors.ts";
import { type RevocationList, readRevocationList } from "./crl.ts";
import type { TlsFiles } from "./settings.ts";

/** The contents of one set of files, read and found good. */
export interface TlsMaterial {
  readonly files: TlsFiles;
  /** PEM. */
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly ca: readonly string[] | undefined;
  readonly crl: readonly string[] | undefined;
  /** What `cert` holds, ours first. */
  readonly chain: readonly X509Certificate[];
  readonly authorities: readonly X509Certificate[];
  readonly revocations: readonly RevocationList[];
}

/**
 * Reads certificate, key, CAs and revocation lists and checks them: each can be read, the key is that of the
 * certificate, OpenSSL takes them. Dates are not looked at.
 * @param legacy whether short keys and SHA-1 are good enough
 * @throws WaypostError CERTIFICATE_INVALID, naming the file and what is wrong with it
 */
export async function readMaterial(files: TlsFiles, legacy: boolean): Promise<TlsMaterial> {
  const [cert, key, ca, crl] = await Promise.all([files.cert, files.key, files.ca, files.crl].map(readBytes));
  const chain = cert === undefined ? [] : certificates(files.cert!, cert);
  const authorities = ca === undefined ? [] : certificates(files.ca!, ca);
  const lists = crl === undefined ? [] : blocks(files.crl!, crl, "X509 CRL");
  const material: TlsMaterial = {
    files,
    cert: cert === undefined ? undefined : chain.map(String).join(""),
    key: key?.toString("latin1"),
    ca: ca === undefined ? undefined : authorities.map(String),
    crl: crl === undefined ? undefined : lists.map((der) => pem("X509 CRL", der)),
    chain,
    authorities,
    revocations: lists.map((der) => {
      try {
        return readRevocationList(der);
      } catch (cause) {
        throw invalid(files.crl!, "holds something that is no revocation list", cause);
      }
    }),
  };
  if (key !== undefined) checkKey(files, key, chain[0]);
  try {
    createSecureContext(contextOptions(material, legacy));
  } catch (cause) {
    const hint = legacy ? "" : "; a `legacy` listener takes weaker ones";
    throw invalid(files.cert ?? files.ca ?? "TLS", `is refused by OpenSSL: ${(cause as Error).message}${hint}`, cause);
  }
  return material;
}

/**
 * The settings for OpenSSL.
 * @param legacy also TLS 1.0 and 1.1, SHA-1, short keys, and servers without RFC 5746
 */
export function contextOptions(material: TlsMaterial, legacy: boolean): SecureContextOptions {
  const { cert, key, ca, crl } = material;
  return {
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
    ...(ca === undefined ? {} : { ca: [...ca] }),
    ...(crl === undefined ? {} : { crl: [...crl] }),
    minVersion: legacy ? "TLSv1" : "TLSv1.2",
    ...(legacy ? { ciphers: "DEFAULT:@SECLEVEL=0", secureOptions: constants.SSL_OP_LEGACY_SERVER_CONNECT } : {}),
  };
}

function checkKey(files: TlsFiles, bytes: Buffer, leaf: X509Certificate | undefined): void {
  let key: ReturnType<typeof createPrivateKey>;
  try {
    key = createPrivateKey(bytes);
  } catch (cause) {
    const locked = bytes.includes("ENCRYPTED");
    throw invalid(files.key!, locked ? "is locked by a passphrase; take it off" : "holds no private key in PEM", cause);
  }
  if (leaf === undefined) throw invalid(files.key!, "is a key without a certificate");
  if (!leaf.checkPrivateKey(key)) throw invalid(files.key!, `is not the key of ${files.cert}`);
}

function certificates(file: string, bytes: Buffer): X509Certificate[] {
  return blocks(file, bytes, "CERTIFICATE").map((der) => {
    try {
      return new X509Certificate(der);
    } catch (cause) {
      throw invalid(file, "holds something that is no certificate", cause);
    }
  });
}

/** The PEM blocks of one kind, as DER; or the file itself when it is DER. Never empty. */
function blocks(file: string, bytes: Buffer, kind: string): Buffer[] {
  if (bytes[0] === 0x30) return [bytes];
  const found = [...bytes.toString("latin1").matchAll(/-----BEGIN ([A-Z0-9 ]+)-----([^-]*)-----END \1-----/g)]
    .filter(([, name]) => name === kind || name === ALIASES[kind])
    .map(([, , base64]) => Buffer.from(base64!, "base64"));
  if (found.length === 0) throw invalid(file, `holds no ${kind} block in PEM`);
  return found;
}

const ALIASES: Readonly<Record<string, string>> = { CERTIFICATE: "X509 CERTIFICATE", "X509 CRL": "CRL" };

function pem(kind: string, der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${kind}-----\n${lines.join("\n")}\n-----END ${kind}-----\n`;
}

async function readBytes(file: string | undefined): Promise<Buffer | undefined> {
  if (file === undefined) return undefined;
  try {
    return await readFile(file);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw invalid(file, `cannot be read: ${code === "ENOENT" ? "there is no such file" : (code ?? message)}`, cause);
  }
}

function invalid(file: string, what: string, cause?: unknown): WaypostError {
  return new WaypostError("CERTIFICATE_INVALID", `${file} ${what}`, { cause });
}
