import { formatRepositoryName, sameRepositoryName } from '../github/repository-name.ts';
import type { Deployer } from '../release/deployer.ts';
import { couldNot } from '../report/failure.ts';
import { gitHubTeams } from '../scaffold/team-directory.ts';
import type { GitopsInputs } from './gitops-inputs.ts';
import { runnerContext } from './inputs.ts';

/**
 * Events behind which no person stands. GitHub runs only the default branch's workflows for them (docs: "Events that trigger
 * workflows"), and who changes those is the repository's rules to say; a push runs a workflow of whatever branch was pushed, so
 * there the person counts.
 */
const OWN_EVENTS = ['schedule', 'workflow_run'];

/**
 * Who asks, as GitHub says: in a run of the GitOps repository the person who started it, in a run of another repository
 * that repository. Whoever starts a run again answers for it, also for somebody else's.
 */
export function deployerInput(
  { on, open, asApp }: Pick<GitopsInputs, 'on' | 'open' | 'asApp'>,
  environment: NodeJS.ProcessEnv = process.env,
): Deployer & { readonly name: string } {
  const { repository, actor, triggeringActor, event } = runnerContext(environment);
  if (!sameRepositoryName(repository, formatRepositoryName(on.target.repository))) {
    return { kind: 'repository', repository, name: actor ?? repository };
  }
  if (OWN_EVENTS.includes(event)) {
    return { kind: 'own-right', name: `kajitori (${event})` };
  }
  const login = triggeringActor ?? actor;
  if (login === undefined) {
    throw couldNot('It is not known who started this run.', {
      todo: 'Start it by a form: Actions, the workflow, Run workflow.',
      reason: 'no-actor',
    });
  }
  return { kind: 'person', login, teams: gitHubTeams(() => open({ members: 'read' }), asApp), name: login };
}
