#!/usr/bin/env node
import { Command } from 'commander';
import { buildCommand } from './build.ts';
import { bumpCommand } from './bump.ts';
import { copyImageCommand } from './copy-image.ts';
import { demoCommand } from './demo.ts';
import { diffCommand } from './diff.ts';
import { doctorCommand } from './doctor.ts';
import { historyCommand } from './history.ts';
import { holdCommand } from './hold.ts';
import { initCommand } from './init.ts';
import { newCommand } from './new.ts';
import { promoteCommand } from './promote.ts';
import { regenerateCommand } from './regenerate.ts';
import { renderCommand } from './render.ts';
import { retireCommand } from './retire.ts';
import { rollbackCommand } from './rollback.ts';
import { runOnceCommand } from './run.ts';
import { uploadAssetsCommand } from './upload-assets.ts';
import { readVersion } from './version.ts';
import { waitCommand } from './wait.ts';

// Who reads only the first lines (`| head`) has what they wanted.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit();
  throw error;
});

const program = new Command('kajitori')
  .description(
    'From a merged commit to a healthy pod: EKS, Helm and Argo CD, by the same code as the actions.',
  )
  .version(await readVersion())
  .showHelpAfterError('(add --help for the options and examples)')
  .showSuggestionAfterError()
  // 1 means "refused by a policy"; a wrong option is bad input.
  .exitOverride((error) => {
    process.exit(error.exitCode === 0 ? 0 : 2);
  })
  .addHelpText(
    'after',
    `
Exit codes: 0 done, or nothing to do; 1 refused by a policy, or findings; 2 could not find out.

Try it without any cluster or account: kajitori demo`,
  );

for (const command of [
  initCommand(),
  newCommand(),
  retireCommand(),
  regenerateCommand(),
  runOnceCommand(),
  buildCommand(),
  copyImageCommand(),
  uploadAssetsCommand(),
  bumpCommand(),
  waitCommand(),
  promoteCommand(),
  rollbackCommand(),
  holdCommand(),
  historyCommand(),
  renderCommand(),
  diffCommand(),
  doctorCommand(),
  demoCommand(),
]) {
  program.addCommand(command.copyInheritedSettings(program));
  for (const inner of command.commands) {
    inner.copyInheritedSettings(program);
  }
}

await program.parseAsync();
