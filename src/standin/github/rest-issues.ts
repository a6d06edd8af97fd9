import { type Actor, accountOf } from './accounts.ts';
import { type Answer, created, invalid, noContent, notFound, ok, page } from './answers.ts';
import type { Comment, PullRequest, Repository } from './repository.ts';
import { type RestRequest, type Route, repositoryRoute } from './rest.ts';

/** A comment holds this many characters (counted here in UTF-16 units); GitHub refuses longer ones. */
const maximumComment = 65_536;

// An issue route may be allowed by either permission when the issue is a pull request.
function demandIssues(repository: Repository, actor: Actor, level: 'read' | 'write'): void {
  const byPulls = repository.levelOf(actor, 'pull_requests');
  repository.demand(actor, byPulls === 'write' || byPulls === 'admin' ? 'pull_requests' : 'issues', level);
}

function demandBody(body: string): void {
  if (body.trim() === '') throw invalid({ resource: 'IssueComment', code: 'missing_field', field: 'body' });
  if (body.length > maximumComment) {
    const message = `body is too long (maximum is ${maximumComment} characters)`;
    throw invalid({ resource: 'IssueComment', code: 'unprocessable', field: 'data', message });
  }
}

export async function addComment(
  repository: Repository,
  actor: Actor,
  pull: PullRequest,
  body: string,
): Promise<Comment> {
  demandIssues(repository, actor, 'write');
  demandBody(body);
  const at = repository.around.clock();
  const comment = {
    id: repository.around.accounts.nextId(),
    body,
    author: accountOf(actor),
    at,
    updated: at,
  };
  pull.comments.push(comment);
  pull.updatedAt = at;
  return comment;
}

const commentAnswer = (repository: Repository, pull: PullRequest, comment: Comment) => ({
  id: comment.id,
  node_id: `IC_${comment.id}`,
  body: comment.body,
  user: comment.author,
  html_url: `${repository.url}/pull/${pull.number}#issuecomment-${comment.id}`,
  issue_url: `${repository.around.url()}/api/v3/repos/${repository.fullName}/issues/${pull.number}`,
  created_at: comment.at.toISOString(),
  updated_at: comment.updated.toISOString(),
});

const labelAnswer = (label: { id: number; name: string; color: string }) => ({
  ...label,
  node_id: `LA_${label.id}`,
  default: false,
  description: null,
});

function issueOf(repository: Repository, request: RestRequest): PullRequest {
  const pull = repository.pulls.find(({ number }) => String(number) === request.parameters.number);
  if (pull === undefined) throw notFound();
  return pull;
}

function findComment(
  repository: Repository,
  id: string | undefined,
): { pull: PullRequest; comment: Comment } {
  for (const pull of repository.pulls) {
    const comment = pull.comments.find((other) => String(other.id) === id);
    if (comment !== undefined) return { pull, comment };
  }
  throw notFound();
}

function labelNames(request: RestRequest): string[] {
  const given = request.body.get('labels');
  const names = Array.isArray(given)
    ? given.map((label: unknown) => (typeof label === 'string' ? label : ''))
    : [];
  if (names.length === 0 || names.includes(''))
    throw invalid({ resource: 'Label', code: 'missing_field', field: 'name' });
  return names;
}

const labelsAnswer = (repository: Repository, pull: PullRequest): Answer =>
  ok(pull.labels.map((name) => labelAnswer(repository.label(name))));

export const issueRoutes: readonly Route[] = [
  repositoryRoute('GET', '/issues/{number}/labels', (repository, request) =>
    labelsAnswer(repository, issueOf(repository, request)),
  ),
  repositoryRoute('POST', '/issues/{number}/labels', (repository, request) => {
    demandIssues(repository, request.actor, 'write');
    const pull = issueOf(repository, request);
    for (const name of labelNames(request)) {
      const label = repository.label(name);
      if (!pull.labels.includes(label.name)) pull.labels.push(label.name);
    }
    return labelsAnswer(repository, pull);
  }),
  repositoryRoute('DELETE', '/issues/{number}/labels/{name}', (repository, request) => {
    demandIssues(repository, request.actor, 'write');
    const pull = issueOf(repository, request);
    const name = request.parameters.name ?? '';
    if (!pull.labels.includes(name)) throw notFound();
    pull.labels = pull.labels.filter((other) => other !== name);
    return labelsAnswer(repository, pull);
  }),
  repositoryRoute('GET', '/issues/{number}/comments', (repository, request) => {
    demandIssues(repository, request.actor, 'read');
    const pull = issueOf(repository, request);
    return page(
      pull.comments.map((comment) => commentAnswer(repository, pull, comment)),
      request.url,
    );
  }),
  repositoryRoute('POST', '/issues/{number}/comments', async (repository, request) => {
    const pull = issueOf(repository, request);
    const comment = await addComment(repository, request.actor, pull, request.body.text('body'));
    return created(commentAnswer(repository, pull, comment));
  }),
  repositoryRoute('GET', '/issues/comments/{comment_id}', (repository, request) => {
    demandIssues(repository, request.actor, 'read');
    const { pull, comment } = findComment(repository, request.parameters.comment_id);
    return ok(commentAnswer(repository, pull, comment));
  }),
  repositoryRoute('PATCH', '/issues/comments/{comment_id}', (repository, request) => {
    demandIssues(repository, request.actor, 'write');
    const { pull, comment } = findComment(repository, request.parameters.comment_id);
    const body = request.body.text('body');
    demandBody(body);
    comment.body = body;
    comment.updated = repository.around.clock();
    return ok(commentAnswer(repository, pull, comment));
  }),
  repositoryRoute('DELETE', '/issues/comments/{comment_id}', (repository, request) => {
    demandIssues(repository, request.actor, 'write');
    const { pull, comment } = findComment(repository, request.parameters.comment_id);
    pull.comments.splice(pull.comments.indexOf(comment), 1);
    return noContent;
  }),
  repositoryRoute('GET', '/labels', (repository, { url }) =>
    page([...repository.labels.values()].map(labelAnswer), url),
  ),
  repositoryRoute('GET', '/labels/{name}', (repository, { parameters }) => {
    const label = repository.labels.get((parameters.name ?? '').toLowerCase());
    if (label === undefined) throw notFound();
    return ok(labelAnswer(label));
  }),
  repositoryRoute('POST', '/labels', (repository, { actor, body }) => {
    demandIssues(repository, actor, 'write');
    const name = body.text('name');
    if (repository.labels.has(name.toLowerCase())) {
      throw invalid({ resource: 'Label', code: 'already_exists', field: 'name' });
    }
    return created(labelAnswer(repository.label(name)));
  }),
];
