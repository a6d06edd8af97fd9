import { Command } from 'commander';
import { openSuite } from '../repository/suite.ts';
import { openWorkingCopy } from '../repository/working-copy.ts';
import { regenerateText, runRegenerate } from '../scaffold/regenerate.ts';
import { type CommonOptions, runCommand } from './run-command.ts';
import { readVersion } from './version.ts';

interface RegenerateOptions extends CommonOptions {
  readonly check?: boolean;
}

/** `kajitori regenerate`. */
export function regenerateCommand(): Command {
  return new Command('regenerate')
    .description('Make the generated files of the GitOps repository in this folder anew.')
    .option('--check', 'change nothing; show what differs and exit with 1')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Generated are argocd/ (projects, ApplicationSets, root), the forms under .github/, and a region of CODEOWNERS: from
kajitori.yaml, the app.yaml files, and the version of Kajitori. Never edit them.

Examples:
  After a change of kajitori.yaml:
    kajitori regenerate
  In CI:
    kajitori regenerate --check`,
    )
    .action((options: RegenerateOptions) => runCommand(options, () => regenerate(options)));
}

async function regenerate(options: RegenerateOptions) {
  const outputs = await runRegenerate(
    { check: options.check ?? false },
    { repository: await openWorkingCopy('.'), suite: await openSuite(), version: await readVersion() },
  );
  return { text: regenerateText(outputs), json: outputs, exitCode: outputs.exitCode };
}
