import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { migrate } from '../src/migrate.js';
import { migrations } from '../src/migrations.js';
import { openOrders } from '../src/orders.js';

/** Starts bin/<name> as a pod would; `until` waits for a line of its log. */
function run(name, folder) {
  const env = {
    PATH: process.env.PATH,
    PORT: '0',
    QUEUE_FOLDER: path.join(folder, 'queue'),
    DATABASE_FILE: path.join(folder, 'web.sqlite'),
  };
  const bin = new URL(`../bin/${name}`, import.meta.url).pathname;
  const flags = ['--disable-warning=ExperimentalWarning'];
  const child = spawn(process.execPath, [...flags, bin], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async until(message) {
      for (;;) {
        const { value, done } = await lines.next();
        assert.ok(!done, `${name} ended without "${message}"`);
        const line = JSON.parse(value);
        if (line.message === message) {
          return line;
        }
      }
    },
    async end(signal) {
      const exit = once(child, 'exit');
      if (signal !== undefined) {
        child.kill(signal);
      }
      return (await exit)[0];
    },
  };
}

const quiet = { info() {}, error() {} };

test('an order goes from web over the queue into the database, and each process ends well when told to', async () => {
  await using folder = await mkdtempDisposable(path.join(tmpdir(), 'web-'));
  assert.equal(await run('migrate', folder.path).end(), 0);
  const [web, worker] = [run('web', folder.path), run('worker', folder.path)];
  const { port } = await web.until('listening');
  const body = JSON.stringify({ id: 'a1', item: 'tea' });
  for (const _ of ['once', 'twice']) {
    await fetch(`http://127.0.0.1:${port}/orders`, { method: 'POST', body });
    await worker.until('handled');
  }
  const orders = openOrders(path.join(folder.path, 'web.sqlite'));
  assert.deepEqual(
    orders.all().map((each) => ({ ...each })),
    [{ id: 'a1', item: 'tea' }],
  );
  orders.close();
  assert.deepEqual(await Promise.all([web.end('SIGTERM'), worker.end('SIGTERM')]), [0, 0]);
});

test('two clusters migrate one database at once: both succeed, each step is done once', async () => {
  await using folder = await mkdtempDisposable(path.join(tmpdir(), 'web-'));
  const runs = ['a', 'b', 'c'].map(() => run('migrate', folder.path).end());
  assert.deepEqual(await Promise.all(runs), [0, 0, 0]);
  const database = new DatabaseSync(path.join(folder.path, 'web.sqlite'));
  assert.equal(database.prepare('SELECT count(*) AS n FROM migrations').get().n, migrations.length);
  database.close();
});

test('a migration waits for the lock, and fails when it never gets it', async () => {
  await using folder = await mkdtempDisposable(path.join(tmpdir(), 'web-'));
  const file = path.join(folder.path, 'web.sqlite');
  const other = new DatabaseSync(file);
  other.exec('BEGIN IMMEDIATE');
  let pauses = 0;
  const pause = async () => {
    pauses += 1;
  };
  await assert.rejects(migrate({ file, migrations, log: quiet, patience: 1000, pause }), /locked/);
  assert.equal(pauses, 2);
  await migrate({ file, migrations, log: quiet, pause: async () => other.exec('ROLLBACK') });
  other.close();
});

test('a step that fails takes the others back; an image older than the database is refused', async () => {
  await using folder = await mkdtempDisposable(path.join(tmpdir(), 'web-'));
  const file = path.join(folder.path, 'web.sqlite');
  const broken = [...migrations, { version: 3, name: 'broken', sql: 'CREATE TABEL x' }];
  await assert.rejects(migrate({ file, migrations: broken, log: quiet }), /syntax error/);
  await migrate({ file, migrations, log: quiet });
  await migrate({ file, migrations, log: quiet });
  await assert.rejects(
    migrate({ file, migrations: migrations.slice(0, 1), log: quiet }),
    /newer than this image/,
  );
});
