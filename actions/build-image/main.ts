import * as core from '@actions/core';
import { buildAssetStage, buildMachine, buildSource, buildStage } from '../../src/action/build-inputs.ts';
import { booleanInput, input, requiredInput } from '../../src/action/inputs.ts';
import { logText } from '../../src/action/log-text.ts';
import { runAction } from '../../src/action/run-action.ts';
import { runBuild } from '../../src/build/build.ts';
import { buildAssets, builtAssetLines } from '../../src/build/build-assets.ts';
import { buildSummary, buildText } from '../../src/build/build-report.ts';
import { buildRequest } from '../../src/build/build-request.ts';
import { openBuild } from '../../src/build/open-build.ts';

await runAction(async () => {
  const request = buildRequest({
    repository: requiredInput('name'),
    targets: requiredInput('registries'),
    role: input('aws-role'),
    context: input('context'),
    dockerfile: input('dockerfile'),
    stage: input('target'),
    args: input('build-args'),
    secrets: input('secrets'),
    platforms: input('platforms'),
    contexts: input('build-contexts'),
    tags: input('tags'),
    cache: booleanInput('cache'),
    provenance: input('provenance'),
    sbom: booleanInput('sbom'),
    reproducible: booleanInput('reproducible'),
    createRepository: booleanInput('create-repository'),
  });
  const stage = buildStage(request);
  const inputs = { request, stage, source: await buildSource(), force: booleanInput('force') };
  const asked = stage.kind === 'whole' || stage.kind === 'look' ? await buildAssetStage(request) : undefined;
  const deps = await openBuild(inputs, buildMachine());
  let assets: readonly string[] = [];
  if (asked !== undefined) {
    const { bucket } = asked;
    const built = await buildAssets(asked.assets, inputs.force, inputs.source.commit, { ...deps, bucket });
    assets = builtAssetLines(built, asked.assets.target);
    logText(assets.join('\n'));
  }
  const outputs = await runBuild(inputs, deps);
  logText(buildText(outputs));
  if (stage.kind !== 'part' && outputs.digest !== undefined) {
    await core.summary.addRaw(buildSummary(outputs, assets), true).write();
  }
  core.setOutput('digest', outputs.digest ?? '');
  core.setOutput('image', outputs.images[0] ?? '');
  core.setOutput('images', outputs.images.join('\n'));
  core.setOutput('key', outputs.key);
  core.setOutput('outcome', outputs.outcome ?? '');
  core.setOutput('commit', outputs.commit);
  if (stage.kind === 'part') {
    // Named by architecture: the legs of a matrix must not overwrite each other's.
    core.setOutput(`part-${stage.platform.split('/')[1]}`, outputs.digest ?? '');
  }
  core.setOutput('seconds', outputs.seconds);
});
