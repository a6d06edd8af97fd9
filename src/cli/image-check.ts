import { systemTiming } from '../github/timing.ts';

/** Options of commands that may look into registries first. */
export interface ImageCheckOptions {
  readonly scanThreshold?: string;
  readonly registryRole?: readonly string[];
}

/** What looks into registries. Loaded only when it is asked for: other runs start without what ECR needs. */
export async function imageCheck({ scanThreshold, registryRole }: ImageCheckOptions) {
  const [{ imageGate, openImageCheck, parseSeverity }, { registryRoles }, { httpsAgent }] = await Promise.all(
    [
      import('../build/open-image-check.ts'),
      import('../build/build-target.ts'),
      import('../aws/https-agent.ts'),
    ],
  );
  const deps = openImageCheck({
    identityFor: registryRoles(registryRole?.join('\n'), { sessionName: 'kajitori' }),
    timing: systemTiming,
    agent: httpsAgent(),
    onSecret: () => undefined,
  });
  return imageGate(deps, parseSeverity(scanThreshold));
}

/** What brings images to other registries, as the same roles. */
export async function imageCopy({ registryRole }: ImageCheckOptions) {
  const [{ openImageCopy }, { registryRoles }, { httpsAgent }] = await Promise.all([
    import('../build/copy-images.ts'),
    import('../build/build-target.ts'),
    import('../aws/https-agent.ts'),
  ]);
  return openImageCopy({
    identityFor: registryRoles(registryRole?.join('\n'), { sessionName: 'kajitori' }),
    timing: systemTiming,
    agent: httpsAgent(),
    onSecret: () => undefined,
  });
}
