import { HiddenValue } from './hidden.ts';

/** A value in a line: long ones are cut, maps only named. */
export function shortValue(value: unknown): string {
  if (value === undefined) return 'none';
  if (value instanceof HiddenValue) return cut(value.shown);
  if (Array.isArray(value)) {
    return `[${cut(value.map((item: unknown) => (typeof item === 'object' ? '…' : shortValue(item))).join(' '))}]`;
  }
  if (typeof value === 'object' && value !== null) return '{…}';
  return cut(typeof value === 'string' ? value : JSON.stringify(value));
}

const cut = (text: string): string => (text.length <= 80 ? text : `${text.slice(0, 77)}…`);
