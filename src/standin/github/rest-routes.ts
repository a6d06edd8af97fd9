import type { Route } from './rest.ts';
import { appRoutes } from './rest-apps.ts';
import { issueRoutes } from './rest-issues.ts';
import { repositoryRoutes } from './rest-repositories.ts';

/** Every REST route of the stand-in; the first that matches answers. */
export const routes: readonly Route[] = [...appRoutes, ...issueRoutes, ...repositoryRoutes];
