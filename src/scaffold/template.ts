/**
 * Puts values into a template of templates/: `__NAME__` becomes the value of NAME.
 *
 * @throws Error for a placeholder without a value, or a value without a placeholder: both are defects of ours
 */
export function fillTemplate(text: string, values: Readonly<Record<string, string>>): string {
  const used = new Set<string>();
  const filled = text.replaceAll(/__([A-Z]+(?:_[A-Z]+)*)__/g, (placeholder, name: string) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    if (value === undefined) {
      throw new Error(`The template has ${placeholder}, which has no value.`);
    }
    used.add(name);
    return value;
  });
  const unused = Object.keys(values).filter((name) => !used.has(name));
  if (unused.length > 0) {
    throw new Error(`The template has no place for ${unused.join(', ')}.`);
  }
  return filled;
}
