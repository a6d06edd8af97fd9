import { DatabaseSync } from 'node:sqlite';

/** The orders in the database. */
export function openOrders(file) {
  const database = new DatabaseSync(file, { timeout: 5000 });
  return {
    /** A queue may bring a message twice, so the same order again changes nothing. */
    add: ({ id, item }) =>
      database.prepare('INSERT INTO orders (id, item) VALUES (?, ?) ON CONFLICT DO NOTHING').run(id, item),
    all: () => database.prepare('SELECT id, item FROM orders ORDER BY id').all(),
    close: () => database.close(),
  };
}
