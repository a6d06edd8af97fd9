/**
 * `scripts/setup demo|test|bench|e2e`: brings the tools that a set needs, and says what it did and how long it took.
 *
 * Installations by the same means run one after the other (`go install` alone fills the processors), different means
 * side by side. One tool's failure does not keep the others from being installed; the exit code is 2 then.
 */
import { couldNot, Failure, formatFailure } from '../src/report/failure.ts';
import { type Found, find, type Machine } from './install.ts';
import { listText, parseTools, record, sets, type Tool, toolsCache, toolsFor } from './tools.ts';

const seconds = (since: number): string => `${((performance.now() - since) / 1000).toFixed(1)} s`;

async function setUp(tools: readonly Tool[], machine: Machine): Promise<{ [name: string]: Found | Failure }> {
  const outcomes: { [name: string]: Found | Failure } = {};
  const lanes = Map.groupBy(tools, (tool) => (tool.go || tool.module ? 'go' : tool.pip ? 'pip' : 'apt'));
  const lane = async (its: readonly Tool[]): Promise<void> => {
    for (const tool of its) {
      const start = performance.now();
      try {
        const found = await find(tool, machine);
        outcomes[tool.name] = found;
        machine.say(`${tool.name} ${found.version}: ${found.how}, ${seconds(start)}`);
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        outcomes[tool.name] = error;
        machine.say(`${tool.name}: failed, ${seconds(start)}`);
      }
    }
  };
  await Promise.all([...lanes.values()].map(lane));
  return outcomes;
}

async function main(set: string | undefined): Promise<number> {
  if (set === undefined)
    throw couldNot('no set of tools named', { todo: `write: scripts/setup ${sets.join('|')}` });
  const start = performance.now();
  const cache = toolsCache(process.env);
  console.log(`setup ${set} (cache: ${cache})`);
  const say = (line: string): void => console.log(`  ${line}`);
  const outcomes = await setUp(toolsFor(set, parseTools(listText())), { cache, env: process.env, say });
  const failures = Object.values(outcomes).filter((outcome) => outcome instanceof Failure);
  const places = Object.entries(outcomes).flatMap(([name, outcome]) =>
    outcome instanceof Failure ? [] : [[name, outcome.path]],
  );
  record(Object.fromEntries(places));
  for (const failure of failures) console.error(`\n${formatFailure(failure)}`);
  console.log(`  ${places.length} ready, ${failures.length} failed, ${seconds(start)}`);
  return failures.length === 0 ? 0 : 2;
}

try {
  process.exitCode = await main(process.argv[2]);
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  console.error(formatFailure(error));
  process.exitCode = error.exitCode;
}
