import { isMap } from '../yaml/data.ts';
import { goText } from './go-value.ts';

/** A label selector as Kubernetes writes it. */
export interface LabelSelector {
  readonly requirements: readonly Requirement[];
}

interface Requirement {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  readonly values: readonly string[];
}

/**
 * Reads a selector (apimachinery `LabelSelectorAsSelector`; argo-cd's own copy takes any values).
 *
 * @returns what is wrong with it, as text, where it cannot be read
 */
export function readSelector(value: unknown): LabelSelector | string {
  if (!isMap(value)) return 'it is no map';
  const { matchLabels = {}, matchExpressions = [] } = value;
  if (!isMap(matchLabels ?? {}) || !Array.isArray(matchExpressions ?? []))
    return 'its fields have wrong types';
  const requirements: Requirement[] = [];
  for (const [key, wanted] of Object.entries((matchLabels ?? {}) as object)) {
    if (typeof wanted !== 'string') return `${key} must be text`;
    requirements.push({ key, operator: 'In', values: [wanted] });
  }
  for (const expression of (matchExpressions ?? []) as unknown[]) {
    if (!isMap(expression)) return 'an expression is no map';
    const { key, operator, values = [] } = expression;
    const texts = Array.isArray(values) ? values.filter((each) => typeof each === 'string') : [];
    if (typeof key !== 'string') return 'an expression has no key';
    switch (operator) {
      case 'In':
      case 'NotIn':
        if (texts.length === 0) return `${operator} needs values`;
        break;
      case 'Exists':
      case 'DoesNotExist':
        if (texts.length > 0) return `${operator} takes no values`;
        break;
      default:
        return `there is no operator ${JSON.stringify(operator)}`;
    }
    requirements.push({ key, operator, values: texts });
  }
  const wrong = requirements.find(({ key }) => !isQualifiedName(key));
  return wrong === undefined ? { requirements } : `${JSON.stringify(wrong.key)} is no name of a label`;
}

const isQualifiedName = (key: string): boolean =>
  /^(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/.test(key);

export const selects = ({ requirements }: LabelSelector, labels: Readonly<Record<string, string>>): boolean =>
  requirements.every(({ key, operator, values }) => {
    const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
    switch (operator) {
      case 'In':
        return value !== undefined && values.includes(value);
      case 'NotIn':
        return value === undefined || !values.includes(value);
      case 'Exists':
        return value !== undefined;
      default:
        return value === undefined;
    }
  });

/**
 * Parameters as one map of dotted names to text, as selectors see them (github.com/jeremywohl/flatten, then `%v`).
 * The segments of a path are one text there: Go keeps them as []string, which is not flattened.
 */
export function flattenParams(params: Readonly<Record<string, unknown>>): Record<string, string> {
  const flat = Object.create(null) as Record<string, string>;
  const walk = (value: unknown, key: string): void => {
    if (Array.isArray(value) && !/(?:^|\.)path\.segments$/.test(key)) {
      for (const [index, item] of value.entries()) walk(item, `${key}.${index}`);
    } else if (isMap(value)) {
      for (const [name, item] of Object.entries(value)) walk(item, `${key}.${name}`);
    } else {
      flat[key] = goText(value);
    }
  };
  for (const [key, value] of Object.entries(params)) walk(value, key);
  return flat;
}
