declare global {
  interface BigInt {
    toJSON(): unknown;
  }
  interface JSON {
    /** ECMAScript, "JSON.parse source text access". Node has it since 21; our command runs on 20 too. */
    rawJSON?(text: string): unknown;
  }
}

/**
 * An integer in a Kubernetes object whose digits a number does not hold: a bigint for those of 64 bits, which Kubernetes keeps as
 * they are (k8s.io/apimachinery/pkg/util/json: int64, else float64).
 *
 * @returns undefined for those that a number holds, and for those that Kubernetes does not hold either
 */
export function largeInteger(value: number, exactly: () => unknown): bigint | undefined {
  if (!Number.isInteger(value) || Number.isSafeInteger(value) || Math.abs(value) > 2 ** 63) {
    return undefined;
  }
  const exact = exactly();
  return typeof exact === 'bigint' && BigInt.asIntN(64, exact) === exact ? exact : undefined;
}

/** `JSON.parse` with large integers as `largeInteger` has them. */
export const parseExactly = (text: string): unknown =>
  JSON.parse(text, (_, value: unknown, { source = '' }: { source?: string } = {}) =>
    typeof value === 'number' && /^-?\d+$/.test(source)
      ? (largeInteger(value, () => BigInt(source)) ?? value)
      : value,
  );

/**
 * JSON has integers of any length; Node 20 cannot write them, and there the last digits are lost. By itself `JSON.stringify` throws at the first bigint, and one place that writes objects and was
 * forgotten would end everything.
 */
BigInt.prototype.toJSON = function (this: bigint): unknown {
  return JSON.rawJSON?.(this.toString()) ?? Number(this);
};
