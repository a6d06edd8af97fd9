/** `scripts/check [NAME]...`: runs every check of the sources, or those named; exit code 1 when one failed. */
import { fileURLToPath } from 'node:url';
import { checks } from './checks/checks.ts';
import { runChecks } from './checks/run-checks.ts';

const names = process.argv.slice(2);
const unknown = names.filter((name) => !checks.some((check) => check.name === name));
if (unknown.length > 0) {
  console.error(
    `no such check: ${unknown.join(', ')}\n  → name one of: ${checks.map((check) => check.name).join(', ')}`,
  );
  process.exitCode = 2;
} else {
  const chosen = names.length === 0 ? checks : checks.filter((check) => names.includes(check.name));
  const { passed, failed } = await runChecks(
    chosen,
    fileURLToPath(new URL('..', import.meta.url)),
    console.log,
  );
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}
