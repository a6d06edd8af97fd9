import type { EcrFault, EcrFaults, EcrRequest } from './faults.ts';
import { Images } from './images.ts';
import type { Moto } from './moto.ts';
import type { TagMutability } from './mutability.ts';
import { isAllowed, type Principal, type Principals } from './principals.ts';

/** One line of the request log. */
export interface EcrRequestRecord extends EcrRequest {
  /** The ARN of who asked, or `anonymous`. */
  readonly who: string;
  /** undefined while it runs; 0 where the connection was reset. */
  status: number | undefined;
  fault: EcrFault['kind'] | undefined;
}

/** Makes repositories at the first push (a repository creation template whose `appliedFor` has CREATE_ON_PUSH). */
export interface CreationTemplate {
  readonly account: string;
  readonly region: string;
  /** Names that begin with it; `ROOT`: all. */
  readonly prefix: string;
  readonly imageTagMutability?: 'MUTABLE' | 'IMMUTABLE';
}

/** A repository as DescribeRepositories answers it. */
export interface RepositorySettings extends TagMutability {
  readonly repositoryArn: string;
}

interface PolicyStatement {
  readonly Effect?: string;
  readonly Principal?: '*' | { readonly AWS?: string | readonly string[] };
  readonly Action?: string | readonly string[];
}

const list = (value: string | readonly string[] | undefined): readonly string[] =>
  value === undefined ? [] : typeof value === 'string' ? [value] : value;

/** What the stand-in knows: all accounts and regions of a company. */
export class World {
  readonly principals: Principals;
  readonly faults: EcrFaults;
  readonly moto: Moto;
  readonly now: () => Date;
  readonly log: EcrRequestRecord[] = [];
  readonly templates: CreationTemplate[] = [];
  /** `<account>/<region>` where blobs of other repositories may be mounted (the account setting BLOB_MOUNTING). */
  readonly blobMounting = new Set<string>();
  /** What scans found, by digest: how many of each severity. */
  readonly findings = new Map<string, Readonly<Record<string, number>>>();
  readonly #images = new Map<string, Images>();
  readonly #settings = new Map<string, RepositorySettings | undefined>();

  constructor(parts: Pick<World, 'principals' | 'faults' | 'moto' | 'now'>) {
    this.principals = parts.principals;
    this.faults = parts.faults;
    this.moto = parts.moto;
    this.now = parts.now;
  }

  images(account: string, region: string, repository: string): Images {
    const key = `${account}/${region}/${repository}`;
    const images = this.#images.get(key) ?? new Images();
    this.#images.set(key, images);
    return images;
  }

  /** The repository, or undefined where there is none. */
  async settings(account: string, region: string, name: string): Promise<RepositorySettings | undefined> {
    const key = `${account}/${region}/${name}`;
    if (!this.#settings.has(key)) {
      const { status, body } = await this.moto.ecr(account, region, 'DescribeRepositories', {
        repositoryNames: [name],
      });
      const [repository] = (body.repositories ?? []) as RepositorySettings[];
      this.#settings.set(key, status === 200 ? repository : undefined);
    }
    return this.#settings.get(key);
  }

  /** To be called after anything that may have changed a repository. */
  forgetSettings(): void {
    this.#settings.clear();
  }

  deleteImages(account: string, region: string, repository: string): void {
    this.#images.delete(`${account}/${region}/${repository}`);
  }

  /** Makes the repository that a push asks for, where a creation template says so. */
  async createOnPush(account: string, region: string, name: string): Promise<RepositorySettings | undefined> {
    const template = this.templates.find(
      (candidate) =>
        candidate.account === account &&
        candidate.region === region &&
        (candidate.prefix === 'ROOT' || name.startsWith(`${candidate.prefix}/`)),
    );
    if (template === undefined) return undefined;
    await this.moto.ecr(account, region, 'CreateRepository', {
      repositoryName: name,
      imageTagMutability: template.imageTagMutability ?? 'MUTABLE',
    });
    this.forgetSettings();
    return this.settings(account, region, name);
  }

  /**
   * Whether a principal may do this to a repository (undefined: to the registry as a whole): by its own policy in its own
   * account; in another account the repository's policy must allow it too.
   */
  async may(
    principal: Principal,
    action: string,
    account: string,
    region: string,
    repository: string | undefined,
  ): Promise<boolean> {
    if (!isAllowed(principal.allow, action)) return false;
    if (principal.account === account) return true;
    if (repository === undefined) return false;
    const { status, body } = await this.moto.ecr(account, region, 'GetRepositoryPolicy', {
      repositoryName: repository,
    });
    if (status !== 200) return false;
    const policy = JSON.parse(String(body.policyText)) as { Statement?: readonly PolicyStatement[] };
    return (policy.Statement ?? []).some((statement) => {
      const who = statement.Principal === '*' ? ['*'] : list(statement.Principal?.AWS);
      const named = [principal.role, principal.account, `arn:aws:iam::${principal.account}:root`, '*'];
      return (
        statement.Effect === 'Allow' &&
        who.some((one) => named.includes(one)) &&
        isAllowed(list(statement.Action), action)
      );
    });
  }
}

/** What AWS says of a principal that may not. */
export const notAuthorized = (principal: Principal, action: string, resource: string): string =>
  `User: ${principal.arn} is not authorized to perform: ${action} on resource: ${resource} because no identity-based policy allows the ${action} action`;

export const repositoryArn = (account: string, region: string, repository: string | undefined): string =>
  repository === undefined ? '*' : `arn:aws:ecr:${region}:${account}:repository/${repository}`;
