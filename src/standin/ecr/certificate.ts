import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';

/** A key and a certificate that is its own authority, both PEM. */
export interface Certificate {
  readonly key: string;
  readonly cert: string;
  /** The certificate as a file, for SSL_CERT_FILE and NODE_EXTRA_CA_CERTS. */
  readonly certFile: string;
}

/**
 * A certificate for these names, good for two days, made by openssl; the key never leaves the folder.
 *
 * @param names DNS names; `*` stands for one label
 * @param folder where the two files go
 */
export async function makeCertificate(names: readonly string[], folder: string): Promise<Certificate> {
  const keyFile = path.join(folder, 'key.pem');
  const certFile = path.join(folder, 'ca.pem');
  await execa(
    'openssl',
    [
      ...'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=stand-in'.split(' '),
      '-addext',
      `subjectAltName=${names.map((name) => `DNS:${name}`).join(',')}`,
      '-keyout',
      keyFile,
      '-out',
      certFile,
    ],
    { stdin: 'ignore' },
  );
  const [key, cert] = await Promise.all([readFile(keyFile, 'utf8'), readFile(certFile, 'utf8')]);
  return { key, cert, certFile };
}
