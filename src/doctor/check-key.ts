import type { Rs256Signer } from '../github/app-token.ts';
import { Failure } from '../report/failure.ts';
import { type Check, failed, ok } from './check.ts';

/** Whether the App's key in AWS KMS signs for these credentials. */
export async function checkKey(sign: Rs256Signer): Promise<Check> {
  const name = 'kms-key';
  try {
    await sign(new TextEncoder().encode('kajitori doctor'));
    return ok(name, 'The key in AWS KMS signs.');
  } catch (error) {
    if (error instanceof Failure) {
      return failed(name, error);
    }
    throw error;
  }
}
