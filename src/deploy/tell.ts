import { environmentsOf } from '../config/kajitori-yaml.ts';
import type { AnnouncedDeploy, AnnouncedVerdict } from '../release/announce.ts';
import { type Source, sameSource } from '../release/source.ts';
import { gitHubTree } from '../repository/snapshot.ts';
import { appUrl } from './app-url.ts';
import type { Following } from './follow.ts';
import type { Deploy, ReadDeployDeps } from './read-deploy.ts';
import { verdictText } from './verdict-record.ts';

/** Tells people of one deploy of one app (see release/announce.ts); gives what could not be told, a sentence each. */
export type Tell = (deploy: AnnouncedDeploy, verdict: AnnouncedVerdict) => Promise<readonly string[]>;

/** Tells of the deploys of one wait, and remembers what could not be told. */
export class Teller {
  readonly #deps: Pick<ReadDeployDeps, 'client' | 'target'>;
  readonly #tell: Tell | undefined;
  readonly #run: string | undefined;
  readonly #untold = new Set<string>();
  /** One after the other: the beginning is told before the end. */
  #queue: Promise<void> = Promise.resolve();

  /** @param tell undefined: nobody is told */
  constructor(
    deps: Pick<ReadDeployDeps, 'client' | 'target'>,
    tell: Tell | undefined,
    run: string | undefined,
  ) {
    this.#deps = deps;
    this.#tell = tell;
    this.#run = run;
  }

  /** Tells that a deploy is on its way. Waiting need not wait for this. */
  begin(deploy: Deploy, at: Date): void {
    const clusters = deploy.awaited.map(({ app, cluster }) => ({
      app,
      cluster,
      state: 'pending' as const,
      words: 'waiting for Argo CD',
    }));
    this.#then(deploy, clusters, { rolledBack: false, at });
  }

  /**
   * Tells how it ended.
   *
   * @param open what is said of a cluster that was not judged
   */
  async end(
    deploy: Deploy,
    all: readonly Following[],
    about: { readonly rolledBack: boolean; readonly at: Date; readonly open: string },
  ): Promise<void> {
    const clusters = all.map(({ awaited: { app, cluster }, outcome }) => {
      const [state, words] = outcome === undefined ? (['error', about.open] as const) : verdictText(outcome);
      return { app, cluster, state, words };
    });
    this.#then(deploy, clusters, about);
    await this.#queue;
  }

  /** What could not be told so far, a sentence each. */
  untold(): readonly string[] {
    return [...this.#untold];
  }

  #then(
    deploy: Deploy,
    clusters: readonly (AnnouncedVerdict['clusters'][number] & { readonly app: string })[],
    about: Pick<AnnouncedVerdict, 'rolledBack' | 'at'>,
  ): void {
    const tell = this.#tell;
    if (tell === undefined) {
      return;
    }
    this.#queue = this.#queue.then(async () => {
      try {
        for (const announced of await this.#announced(deploy)) {
          const own = clusters.filter(({ app }) => app === announced.app);
          const problems = await tell(announced, {
            clusters: own,
            rolledBack: about.rolledBack,
            at: about.at,
          });
          for (const problem of problems) {
            this.#untold.add(problem);
          }
        }
      } catch (error) {
        // Whatever it is: that nobody heard of a deploy changes nothing about the deploy.
        this.#untold.add(error instanceof Error ? error.message : String(error));
      }
    });
  }

  /**
   * One for each app and the commit of it that was deployed. A change of values is no deploy of the app's commit, and an
   * image whose source nobody recorded has no place to be told in.
   */
  async #announced(deploy: Deploy): Promise<readonly AnnouncedDeploy[]> {
    const { commit, config, environment } = deploy;
    const deployed = new Set(
      commit.deploys.flatMap((each) => (each.environment === environment ? [each.app] : [])),
    );
    const tree = gitHubTree(this.#deps.client, this.#deps.target.repository, commit.oid);
    const all = [...deploy.releases].flatMap(([app, { images }]) =>
      deployed.has(app) ? sourcesOf(images.values()).map((source) => ({ app, source })) : [],
    );
    return Promise.all(
      all.map(async ({ app, source }) => ({
        app,
        environment,
        // Promotion ends where users are.
        production: environmentsOf(config).at(-1)?.name === environment,
        source,
        commit: { oid: commit.oid, url: commit.url },
        run: this.#run,
        url: await appUrl(tree, config, app, environment),
      })),
    );
  }
}

/** Several images of one app mostly come from one commit. */
function sourcesOf(
  images: Iterable<{ readonly build: { readonly source: Source } | undefined }>,
): readonly Source[] {
  const sources: Source[] = [];
  for (const { build } of images) {
    if (build !== undefined && !sources.some((source) => sameSource(source, build.source))) {
      sources.push(build.source);
    }
  }
  return sources;
}
