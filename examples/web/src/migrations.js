/**
 * In order, only ever appended to. Each leaves the database usable for the release before it, which still runs while
 * the new one starts: add first, remove in a later release.
 */
export const migrations = [
  { version: 1, name: 'orders', sql: 'CREATE TABLE orders (id TEXT PRIMARY KEY, item TEXT NOT NULL)' },
  { version: 2, name: 'when ordered', sql: 'ALTER TABLE orders ADD COLUMN ordered_at TEXT' },
];
