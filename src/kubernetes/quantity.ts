const QUANTITY = /^([+-]?(?:\d+\.?\d*|\.\d+))([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?$/;

const FACTORS: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 1024,
  Mi: 1024 ** 2,
  Gi: 1024 ** 3,
  Ti: 1024 ** 4,
  Pi: 1024 ** 5,
  Ei: 1024 ** 6,
};

/**
 * The number that a quantity stands for: `500m` is 0.5, `1Ki` is 1024. The grammar is that of
 * k8s.io/apimachinery/pkg/api/resource.Quantity; undefined for what is none.
 */
export function parseQuantity(value: unknown): number | undefined {
  const match = QUANTITY.exec(
    typeof value === 'number' || typeof value === 'bigint'
      ? String(value)
      : typeof value === 'string'
        ? value
        : '',
  );
  if (match === null) return undefined;
  const [, digits = '', suffix = ''] = match;
  if (suffix === '') return Number(digits);
  return Object.hasOwn(FACTORS, suffix) ? Number(digits) * (FACTORS[suffix] ?? 1) : Number(digits + suffix);
}

/** CPU cores as people say them: `250m` below one core, else `1.5 cores`. */
export function formatCores(cores: number): string {
  const milli = Math.round(cores * 1000);
  if (Math.abs(milli) < 1000) return milli === 0 ? '0' : `${milli}m`;
  const text = trimmed(milli / 1000, 2);
  return `${text} ${text === '1' ? 'core' : 'cores'}`;
}

/** Bytes in the binary unit that keeps the number short: `512Mi`, `1.5Gi`. */
export function formatBytes(bytes: number): string {
  const units = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi'];
  let unit = 0;
  let amount = bytes;
  while (Math.abs(amount) >= 1024 && unit < units.length - 1) {
    amount /= 1024;
    unit += 1;
  }
  return `${trimmed(amount, 2)}${units[unit]}`;
}

const trimmed = (value: number, digits: number): string => String(Number(value.toFixed(digits)));
