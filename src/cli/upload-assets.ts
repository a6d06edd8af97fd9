import { Command } from 'commander';
import { openBucket } from '../aws/s3-bucket.ts';
import { assetFiles } from '../build/asset-files.ts';
import { assetLines, assetTarget, uploadAssets } from '../build/upload-assets.ts';
import { type CommonOptions, runCommand } from './run-command.ts';

interface UploadOptions extends CommonOptions {
  readonly folder: string;
  readonly to: string;
  readonly region: string;
  readonly role?: string;
  readonly cacheControl: string;
  readonly dryRun?: boolean;
}

/** `kajitori upload-assets`. */
export function uploadAssetsCommand(): Command {
  return new Command('upload-assets')
    .description('Upload what a bucket of S3 lacks of a folder of assets; nothing is deleted.')
    .requiredOption('--folder <folder>', 'what is uploaded, like public/assets')
    .requiredOption('--to <s3://bucket/prefix>', 'where it goes')
    .requiredOption('--region <region>', 'of the bucket')
    .option('--role <arn>', 'the role to assume (default: the credentials of this machine)')
    .option('--cache-control <header>', 'for names without a digest', 'public, max-age=300')
    .option('--dry-run', 'say what would be uploaded, and write nothing')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Names with a digest (application-1f3c9e2b.js) are served with max-age=31536000, immutable.

Examples:
  See what would be uploaded:
    kajitori upload-assets --folder public --to s3://acme-assets/web --region ap-northeast-1 --dry-run`,
    )
    .action((options: UploadOptions) => runCommand(options, () => upload(options)));
}

async function upload({ folder, to, region, role, cacheControl, dryRun = false }: UploadOptions) {
  const { bucket, prefix } = assetTarget(to);
  const identity = { region, sessionName: 'kajitori-assets', chain: role === undefined ? [] : [role] };
  const outputs = await uploadAssets(
    { assets: await assetFiles(folder, '.'), prefix, cacheControl, dryRun },
    openBucket(bucket, identity, process.env),
  );
  return { text: assetLines(outputs, to, dryRun).join('\n'), json: outputs };
}
