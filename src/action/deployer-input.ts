import { formatRepositoryName, sameRepositoryName } from '../github/repository-name.ts';
import type { Deployer } from '../release/deployer.ts';
import { couldNot } from '../report/failure.ts';
import { gitHubTeams } from '../scaffold/team-directory.ts';
import type { GitopsInputs } from './gitops-inputs.ts';
import { runnerContext } from './inputs.ts';

/** Events behind which no person stands who could be asked for: the workflow itself decided to run. */
const OWN_EVENTS = ['schedule', 'workflow_run', 'push', 'repository_dispatch'];

/**
 * Who asks, as GitHub says: in a run of the GitOps repository the person who started it, in a run of another repository
 * that repository. Whoever starts a run again answers for it, also for somebody else's.
 */
export function deployerInput({ on, open, asApp }: GitopsInputs): Deployer & { readonly name: string } {
  const { repository, actor, triggeringActor, event } = runnerContext();
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
