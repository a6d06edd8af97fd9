import { DescribeImageScanFindingsCommand } from '@aws-sdk/client-ecr';
import { awsFailure } from './aws-failure.ts';
import { type Ecr, registryOf } from './ecr.ts';

/** ECR's severities, the worst first. */
export const SEVERITIES = ['CRITICAL', 'HIGH', 'MEDIUM', 'LOW', 'INFORMATIONAL', 'UNDEFINED'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** What ECR's scan found in an image. */
export type ScanSummary =
  | { readonly state: 'complete'; readonly counts: Readonly<Partial<Record<Severity, number>>> }
  /** Not finished, or never begun: nobody may take it for clean. */
  | { readonly state: 'pending' | 'none' | 'failed'; readonly message: string };

/** What the scan of one image found, as counts. An index has no scan of its own: ask for each of its images. */
export async function scanFindings(ecr: Ecr, repository: string, digest: string): Promise<ScanSummary> {
  try {
    const { imageScanStatus, imageScanFindings } = await ecr.client.send(
      new DescribeImageScanFindingsCommand({
        ...registryOf(ecr),
        repositoryName: repository,
        imageId: { imageDigest: digest },
        maxResults: 1,
      }),
    );
    const status = imageScanStatus?.status ?? '';
    const message = `${status}: ${imageScanStatus?.description ?? ''}`;
    // ACTIVE: enhanced scanning, which goes on; its findings are those of now.
    if (status === 'COMPLETE' || status === 'ACTIVE') {
      return { state: 'complete', counts: imageScanFindings?.findingSeverityCounts ?? {} };
    }
    return { state: status === 'IN_PROGRESS' || status === 'PENDING' ? 'pending' : 'failed', message };
  } catch (error) {
    if (error instanceof Error && error.name === 'ScanNotFoundException') {
      return { state: 'none', message: error.message };
    }
    throw await awsFailure(error, {
      what: `read the scan of ${repository}@${digest}`,
      identity: ecr.identity,
    });
  }
}

/** How many findings are as bad as `threshold` or worse. */
export const findingsFrom = (
  counts: Readonly<Partial<Record<Severity, number>>>,
  threshold: Severity,
): number =>
  SEVERITIES.slice(0, SEVERITIES.indexOf(threshold) + 1).reduce(
    (sum, severity) => sum + (counts[severity] ?? 0),
    0,
  );
