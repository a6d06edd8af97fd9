/**
 * Ends the programs of a rig and removes its folder as soon as the process that started them is done or gone, however
 * it went: this process reads a pipe that only that one writes to (`+PID`, `-PID`), and waits for its end.
 *
 * Nobody is given time to say goodbye, since nothing of the state is kept.
 *
 * usage: reaper.ts FOLDER
 */
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';

const [, , folder = ''] = process.argv;
const running = new Set<number>();

for await (const line of createInterface({ input: process.stdin })) {
  const pid = Number(line.slice(1));
  if (line.startsWith('+')) running.add(pid);
  else running.delete(pid);
}
for (const pid of running) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
// Several tries: git processes of the repo-server may be writing for another moment.
rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
