import "reflect-metadata";
import { webcrypto } from "node:crypto";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as x509 from "@peculiar/x509";

x509.cryptoProvider.set(webcrypto);

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const DAY_MS = 86_400_000;
const SERVER = "1.3.6.1.5.5.7.3.1";
const CLIENT = "1.3.6.1.5.5.7.3.2";

/** What a certificate is to say; the rest is as a CA would do it. */
export interface Wanted {
  /** DNS names of the subjectAltName; the first one is the common name as well. */
  readonly dns?: readonly string[];
  readonly uris?: readonly string[];
  readonly ips?: readonly string[];
  readonly commonName?: string;
  /** False: no subjectAltName at all. */
  readonly altNames?: boolean;
  /** In days from now. Default a day ago and a year ahead. */
  readonly validFrom?: number;
  readonly validTo?: number;
  /** Extended key usages. Default server and client. */
  readonly usages?: "both" | "server" | "client";
}

/** Certificate and key in PEM. */
export interface Issued {
  readonly cert: string;
  readonly key: string;
  readonly serial: string;
}

/** A certificate authority that lives as long as a test. */
export class Authority {
  readonly pem: string;
  readonly #certificate: x509.X509Certificate;
  readonly #keys: webcrypto.CryptoKeyPair;
  #serial = 1;

  private constructor(certificate: x509.X509Certificate, keys: webcrypto.CryptoKeyPair) {
    this.#certificate = certificate;
    this.#keys = keys;
    this.pem = certificate.toString("pem");
  }

  static async make(name = "Contoso Test CA"): Promise<Authority> {
    const keys = await newKeys();
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      name: `CN=${name}`,
      keys,
      notBefore: inDays(-10),
      notAfter: inDays(3650),
      signingAlgorithm: ALGORITHM,
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      ],
    });
    return new Authority(certificate, keys);
  }

  async issue(wanted: Wanted): Promise<Issued> {
    const keys = await newKeys();
    const serial = (0x1000 + this.#serial++).toString(16);
    const names = [
      ...(wanted.dns ?? []).map((value) => ({ type: "dns" as const, value })),
      ...(wanted.uris ?? []).map((value) => ({ type: "url" as const, value })),
      ...(wanted.ips ?? []).map((value) => ({ type: "ip" as const, value })),
    ];
    const usages = { both: [SERVER, CLIENT], server: [SERVER], client: [CLIENT] }[wanted.usages ?? "both"];
    const certificate = await x509.X509CertificateGenerator.create({
      subject: `CN=${wanted.commonName ?? wanted.dns?.[0] ?? "nobody"}`,
      issuer: this.#certificate.subject,
      serialNumber: serial,
      notBefore: inDays(wanted.validFrom ?? -1),
      notAfter: inDays(wanted.validTo ?? 365),
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new x509.BasicConstraintsExtension(false),
        new x509.ExtendedKeyUsageExtension(usages),
        ...(wanted.altNames === false ? [] : [new x509.SubjectAlternativeNameExtension(names)]),
      ],
    });
    const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
    return {
      cert: certificate.toString("pem"),
      key: `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`,
      serial,
    };
  }

  /** A revocation list that names `serials`. @param days how long it holds */
  async revoke(serials: readonly string[], days = 7): Promise<string> {
    const list = await x509.X509CrlGenerator.create({
      issuer: this.#certificate.subject,
      thisUpdate: inDays(-1),
      nextUpdate: inDays(days),
      entries: serials.map((serialNumber) => ({ serialNumber, revocationDate: inDays(-1) })),
      signingAlgorithm: ALGORITHM,
      signingKey: this.#keys.privateKey,
    });
    return list.toString("pem").replaceAll("BEGIN CRL", "BEGIN X509 CRL").replaceAll("END CRL", "END X509 CRL");
  }
}

/** A folder for certificate files, removed with the test. */
export class Folder {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async make(t: { teardown(undo: () => unknown): void }): Promise<Folder> {
    const path = await mkdtemp(join(tmpdir(), "waypost-tls-"));
    t.teardown(() => rm(path, { recursive: true, force: true }));
    return new Folder(path);
  }

  /** Writes a file as a careful tool does, by renaming. @returns its path */
  async put(name: string, text: string | Buffer): Promise<string> {
    const path = join(this.path, name);
    await writeFile(`${path}.new`, text);
    await rename(`${path}.new`, path);
    return path;
  }

  /** Writes certificate and key under `name`. */
  async putPair(name: string, { cert, key }: Issued): Promise<{ cert: string; key: string }> {
    return { cert: await this.put(`${name}.pem`, cert), key: await this.put(`${name}.key`, key) };
  }
}

async function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return (await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"])) as webcrypto.CryptoKeyPair;
}

function inDays(days: number): Date {
  return new Date(Date.now() + days * DAY_MS);
}
