import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Authority } from "../../test/support/certificates.ts";

/** A certificate for 127.0.0.1 with its key, as PEM files in the folder: ECDSA on P-256, as most are today. */
export async function makeCertificate(folder: string): Promise<{ cert: string; key: string }> {
  const issued = await (await Authority.make()).issue({ dns: ["localhost"], ips: ["127.0.0.1"] });
  const files = { cert: join(folder, "cert.pem"), key: join(folder, "key.pem") };
  writeFileSync(files.cert, issued.cert);
  writeFileSync(files.key, issued.key);
  return files;
}
