/** A registry of ECR: one account in one region. */
export interface EcrHost {
  /** 12 digits. */
  readonly account: string;
  readonly region: string;
}

/** All forms that AWS gives out: with IPv6 (`dkr-ecr`, `on.aws`), FIPS, and of China ("Amazon ECR endpoints and quotas"). */
const HOST = /^(\d{12})\.dkr[.-]ecr(?:-fips)?\.([a-z\d-]+)\.(?:amazonaws\.com(?:\.cn)?|on\.aws)$/;

/** Reads the host name of a registry of ECR; undefined for any other. */
export function parseEcrHost(host: string): EcrHost | undefined {
  const [, account, region] = HOST.exec(host) ?? [];
  return account === undefined || region === undefined ? undefined : { account, region };
}
