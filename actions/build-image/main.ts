import * as core from '@actions/core';
import { buildAssetStage, buildMachine, buildSource, buildStage } from '../../src/action/build-inputs.ts';
import { booleanInput, input, requiredInput } from '../../src/action/inputs.ts';
import { logText } from '../../src/action/log-text.ts';
import { runAction } from '../../src/action/run-action.ts';
import { runBuild } from '../../src/build/build.ts';
import { buildAssets, builtAssetLines } from '../../src/build/build-assets.ts';
import { buildSummary, buildText } from '../../src/build/build-report.ts';
import { openBuild } from '../../src/build/open-build.ts';
import {
  buildRequests,
  bumpLines,
  type NamedOutputs,
  outcomeOfAll,
  outputsByName,
  partLines,
} from '../../src/build/several-images.ts';

await runAction(async () => {
  const requests = await buildRequests(
    {
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
    },
    input('images'),
  );
  const machine = buildMachine(requests);
  // Most builds find their image built already and need little else: git runs while it is loaded.
  const [source] = await Promise.all([buildSource(), import('../../src/build/ecr-registry.ts')]);
  const force = booleanInput('force');
  const built: NamedOutputs[] = [];
  for (const each of requests) {
    const { name, request } = each;
    const stage = buildStage(each, requests);
    if (stage === undefined) continue;
    const inputs = { request, stage, source, force };
    const deps = await openBuild(inputs, machine);
    // Once, by what the first image is built from.
    const asked = built.length === 0 ? await buildAssetStage(request, stage, machine) : undefined;
    const assets =
      asked === undefined
        ? []
        : builtAssetLines(
            await buildAssets(asked.assets, force, source.commit, {
              ...deps,
              bucket: asked.bucket,
              signal: machine.signal,
            }),
            asked.assets.target,
          );
    const outputs = await runBuild(inputs, deps);
    built.push({ name, outputs });
    logText([...assets, buildText(outputs)].join('\n'));
    if (stage.kind !== 'part' && outputs.digest !== undefined) {
      await core.summary.addRaw(buildSummary(outputs, assets, name), true).write();
    }
  }
  const [first] = built;
  const onlyOne = requests.length === 1 ? first?.outputs : undefined;
  core.setOutput('digest', onlyOne?.digest ?? '');
  core.setOutput('image', bumpLines(built, 'first').join('\n'));
  core.setOutput('images', bumpLines(built, 'all').join('\n'));
  core.setOutput('by-name', JSON.stringify(outputsByName(built)));
  core.setOutput('key', onlyOne?.key ?? '');
  core.setOutput('outcome', outcomeOfAll(built) ?? '');
  core.setOutput('commit', source.commit);
  if (input('step') === 'part') {
    // Named by architecture: the legs of a matrix must not overwrite each other's.
    core.setOutput(`part-${input('platform')?.split('/')[1]}`, partLines(built).join(' '));
  }
  core.setOutput('seconds', Number(built.reduce((sum, { outputs }) => sum + outputs.seconds, 0).toFixed(1)));
});
