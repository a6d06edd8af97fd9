import {
  createHash,
  generateKeyPairSync,
  type KeyObject,
  sign as signBytes,
  verify as verifyBytes,
} from 'node:crypto';

/**
 * The key by which the stand-in signs commits, as GitHub signs those that an App makes through the API.
 * An SSH signature (PROTOCOL.sshsig of OpenSSH), so that `git verify-commit` can check it; GitHub's own is OpenPGP.
 */
export interface SigningKey {
  readonly sign: (payload: string) => string;
  readonly verify: (payload: string, signature: string) => boolean;
  /** The public key as a line of an allowed-signers file. */
  readonly publicLine: string;
}

const namespace = 'git';

function field(content: Uint8Array | string): Buffer {
  const bytes = Buffer.from(content);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** The last 32 bytes of an Ed25519 key's SPKI form are the key itself. */
const rawKey = (key: KeyObject): Buffer => key.export({ type: 'spki', format: 'der' }).subarray(-32);

const signedData = (payload: string): Buffer =>
  Buffer.concat([
    Buffer.from('SSHSIG'),
    field(namespace),
    field(''),
    field('sha512'),
    field(createHash('sha512').update(payload).digest()),
  ]);

export function createSigningKey(): SigningKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const publicBlob = Buffer.concat([field('ssh-ed25519'), field(rawKey(publicKey))]);
  const version = Buffer.from([0, 0, 0, 1]);
  const envelope = (signature: Buffer): Buffer =>
    Buffer.concat([
      Buffer.from('SSHSIG'),
      version,
      field(publicBlob),
      field(namespace),
      field(''),
      field('sha512'),
      field(Buffer.concat([field('ssh-ed25519'), field(signature)])),
    ]);
  return {
    sign(payload) {
      const blob = envelope(signBytes(null, signedData(payload), privateKey)).toString('base64');
      const lines = blob.match(/.{1,70}/g) ?? [];
      return ['-----BEGIN SSH SIGNATURE-----', ...lines, '-----END SSH SIGNATURE-----'].join('\n');
    },
    verify(payload, signature) {
      const blob = Buffer.from(signature.replaceAll(/-----.*-----|\s/g, ''), 'base64');
      const own = envelope(blob.subarray(-64));
      return own.equals(blob) && verifyBytes(null, signedData(payload), publicKey, blob.subarray(-64));
    },
    publicLine: `noreply@github.com ssh-ed25519 ${publicBlob.toString('base64')}`,
  };
}
