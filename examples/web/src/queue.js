import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/**
 * A queue in a folder, in the place of SQS: the same calls, and the same promise, namely that a message comes at least
 * once. One thing is missing: a message whose receiver died does not come back by itself.
 */
export function openQueue(folder) {
  const taken = path.join(folder, 'taken');
  const ready = mkdir(taken, { recursive: true });
  const take = async (name) => {
    const receipt = path.join(taken, name);
    await rename(path.join(folder, name), receipt);
    return { receipt, body: JSON.parse(await readFile(receipt, 'utf8')) };
  };
  return {
    async send(body) {
      await ready;
      const name = `${Date.now()}-${randomUUID()}.json`;
      // Written under another name first: a receiver never sees half a message.
      await writeFile(path.join(taken, name), JSON.stringify(body));
      await rename(path.join(taken, name), path.join(folder, name));
    },
    /** Waits for the next message; undefined when `signal` comes first. */
    async receive(signal) {
      await ready;
      while (!signal.aborted) {
        for (const name of (await readdir(folder)).filter((each) => each.endsWith('.json')).sort()) {
          const message = await take(name).catch(ignoreTaken);
          if (message !== undefined) {
            return message;
          }
        }
        await pause(100, undefined, { signal }).catch(() => undefined);
      }
      return undefined;
    },
    delete: (message) => rm(message.receipt),
    /** The message comes again, to anybody. */
    giveBack: (message) => rename(message.receipt, path.join(folder, path.basename(message.receipt))),
  };
}

function ignoreTaken(error) {
  if (error.code !== 'ENOENT') {
    throw error;
  }
}
