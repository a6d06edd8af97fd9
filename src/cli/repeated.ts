/** Collects the values of an option that may be repeated, in their order (commander's `parseArg`). */
export const repeated = (value: string, before: readonly string[] = []): readonly string[] => [
  ...before,
  value,
];
