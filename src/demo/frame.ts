import type { ArgoCdKind } from './argocd.ts';
import type { DemoOutputs } from './demo.ts';
import { columns, formatSeconds, type Narrator } from './narrator.ts';
import type { ToolVersions } from './tool-versions.ts';

const ROAD = `
   a merged commit     an image           one commit         every cluster
  ┌──────────────┐    ┌────────────┐    ┌─────────────┐     ┌──────────────────┐
  │  acme/web    │ ─▶ │  registry  │ ─▶ │ acme/gitops │ ─┬▶ │ staging    stg-1 │
  │              │    │            │    │             │  │  ├──────────────────┤
  │  your app    │    │  sha256:…  │    │  what runs  │  └▶ │ production       │
  │              │    │            │    │  where      │     │  prod-1 + prod-2 │
  └──────────────┘    └────────────┘    └─────────────┘     └──────────────────┘`;

/** What the story is about, what is real in it and what is not. */
export function opening(narrator: Narrator, tools: ToolVersions, argocd: ArgoCdKind): void {
  narrator.heading('Kajitori: from a merged commit to every cluster');
  narrator.say(['']);
  const isReal = argocd.name === 'real';
  narrator.sayWrapped(
    `You merge a pull request, and your app runs everywhere: in all clusters of staging, then in all of production. One commit per environment does it, so no cluster is forgotten; when one cluster fails, all go back together. Nobody waits for a platform engineer. Here is the whole road, on this machine, in ${isReal ? 'a few minutes' : 'less than a minute'}.`,
  );
  narrator.say([...ROAD.split('\n'), '']);
  narrator.sayWrapped(
    `Real here: git ${tools.git}, helm ${tools.helm}, an OCI registry (crane ${tools.crane}), ${isReal ? `Argo CD, ${argocd.about}, ` : ''}and Kajitori's own code.`,
  );
  narrator.sayWrapped(
    'A stand-in: GitHub, as a server on 127.0.0.1 that keeps real git repositories, is as strict as GitHub, and takes 50 ms for an answer.',
  );
  if (!isReal) {
    narrator.sayWrapped(`A stand-in, too: Argo CD, ${argocd.about}.`);
  }
  narrator.sayWrapped('Nothing leaves this machine.');
  narrator.say(['']);
  narrator.sayWrapped(
    'Each ✓ is checked before it is printed. If one does not hold, the demo says so and ends.',
  );
}

/** How long it took, where to look, and what to read. */
export function closing(narrator: Narrator, outputs: DemoOutputs): void {
  const { chapters, folder, seconds } = outputs;
  const statements = chapters.reduce((sum, { holds }) => sum + holds.length, 0);
  const rows = chapters.map(({ title, seconds: each }, index) => [
    `${index + 1}. ${title}`,
    formatSeconds(each).padStart(7),
  ]);
  narrator.say(['']);
  narrator.heading(`All of it held: ${statements} statements checked in ${formatSeconds(seconds)}`);
  narrator.say([
    '',
    indent(columns([...rows, ['Together, with start and end', formatSeconds(seconds).padStart(7)]])),
  ]);
  narrator.say(['']);
  if (folder === undefined) {
    narrator.sayWrapped('The folder of the demo is removed. `kajitori demo --keep` leaves it to look at.');
  } else {
    narrator.say([
      `   Look around in ${folder}`,
      indent(
        columns([
          ['  gitops/', 'the GitOps repository: git log --stat, git show'],
          ['  web/', 'the repository of the app'],
          ['  github/', 'the bare repositories of the stand-in for GitHub'],
        ]),
      ),
    ]);
  }
  narrator.say([
    '',
    '   What next',
    indent(
      columns([
        ['  kajitori init --help', 'a GitOps repository of your own, or added to one that exists'],
        ['  docs/setup.md', 'the GitHub App, its key, the ruleset: set up once'],
        ['  docs/architecture.md', 'how it works inside'],
      ]),
    ),
  ]);
}

const indent = (block: string): string =>
  block
    .split('\n')
    .map((line) => `   ${line}`.trimEnd())
    .join('\n');
