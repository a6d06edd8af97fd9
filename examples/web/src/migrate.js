import { DatabaseSync } from 'node:sqlite';
import { setTimeout } from 'node:timers/promises';

const SQLITE_BUSY = 5;

/**
 * Brings the database up to date, all or nothing. Two clusters do this to one database at the same time: one gets the
 * lock, the other waits for it and finds nothing left to do. The lock is the transaction's own (in PostgreSQL it would
 * be an advisory lock), so it ends with the process that held it.
 */
export async function migrate({ file, migrations, log, patience = 60_000, pause = setTimeout }) {
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    await lock(database, { log, patience, pause });
    database.exec('CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL)');
    const { done } = database.prepare('SELECT coalesce(max(version), 0) AS done FROM migrations').get();
    const newest = migrations.at(-1)?.version ?? 0;
    if (done > newest) {
      throw new Error(`the database is at version ${done}, newer than this image (${newest})`);
    }
    for (const { version, name, sql } of migrations.filter((each) => each.version > done)) {
      database.exec(sql);
      database.prepare('INSERT INTO migrations VALUES (?, ?)').run(version, name);
      log.info('migrated', { version, name });
    }
    database.exec('COMMIT');
    log.info('the database is up to date', { version: newest });
  } finally {
    // Closing takes back what was not committed.
    database.close();
  }
}

async function lock(database, { log, patience, pause }) {
  const step = 500;
  for (let waited = 0; ; waited += step) {
    try {
      return database.exec('BEGIN IMMEDIATE');
    } catch (error) {
      if (error.errcode !== SQLITE_BUSY || waited >= patience) {
        throw error;
      }
      log.info('another migration is running, waiting for it');
      await pause(step);
    }
  }
}
