import { Command } from 'commander';
import { httpsAgent } from '../aws/https-agent.ts';
import { type CopyOutcome, copyRequest, runCopy } from '../build/copy-images.ts';
import { repositoryPlan } from '../build/repository-defaults.ts';
import { systemTiming } from '../github/timing.ts';
import { repeated } from './repeated.ts';
import { type CommonOptions, progress, runCommand } from './run-command.ts';

interface CopyOptions extends CommonOptions {
  readonly name: string;
  readonly digest: string;
  readonly from: string;
  readonly registry: readonly string[];
  readonly role?: string;
  readonly tag: readonly string[];
  readonly createRepository?: boolean;
  readonly environments: string;
  readonly pullAccounts?: string;
}

/** `kajitori copy-image`. */
export function copyImageCommand(): Command {
  return new Command('copy-image')
    .description(
      'Bring an image to ECR of other accounts and regions as it is: the same digest, with provenance, SBOM and signatures.',
    )
    .requiredOption('--name <repository>', 'the repository in ECR, the same everywhere, like web')
    .requiredOption('--digest <sha256:…>', 'the image')
    .requiredOption('--tag <tag>', 'a tag for the copy, like the commit; may be repeated', repeated)
    .requiredOption('--from <account/region [role]>', 'the registry that has it, with the roles to assume')
    .requiredOption('--registry <account/region [role]>', 'where it goes; may be repeated', repeated)
    .option(
      '--role <arn>',
      'the role for registries that name none (default: the credentials of this machine)',
    )
    .option('--create-repository', 'create the repository where it is missing')
    .option('--environments <list>', 'for a created repository', 'staging,production')
    .option('--pull-accounts <list>', 'for a created repository: accounts of the clusters that pull')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Examples:
  What runs in staging's account goes to production's, without a build:
    kajitori copy-image --name web --digest sha256:… --tag 1f3c9e2b \\
      --from 111111111111/ap-northeast-1 \\
      --registry "222222222222/ap-northeast-1 arn:aws:iam::222222222222:role/push"`,
    )
    .action((options: CopyOptions) => runCommand(options, () => copy(options)));
}

async function copy(options: CopyOptions) {
  const outcomes = await runCopy(
    copyRequest({
      repository: options.name,
      digest: options.digest,
      from: options.from,
      to: options.registry.join('\n'),
      role: options.role,
      tags: options.tag,
      createRepository: options.createRepository ?? false,
    }),
    {
      sessionName: 'kajitori-copy-image',
      agent: httpsAgent(),
      timing: systemTiming,
      plan: repositoryPlan(options.environments, options.pullAccounts),
      onSecret: () => undefined,
      onStep: progress,
    },
  );
  return { text: outcomes.map(line).join('\n'), json: { images: outcomes } };
}

const line = ({ image, blobs, bytes, created }: CopyOutcome): string =>
  `${image}: ${blobs === 0 ? 'all layers were there' : `${blobs} layers, ${(bytes / 1_000_000).toFixed(1)} MB sent`}${created ? '; the repository was created' : ''}`;
