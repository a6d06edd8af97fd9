import type { Route } from './rest.ts';
import { appRoutes } from './rest-apps.ts';
import { contentRoutes } from './rest-contents.ts';
import { deploymentRoutes } from './rest-deployments.ts';
import { gitRoutes } from './rest-git.ts';
import { issueRoutes } from './rest-issues.ts';
import { pullRoutes } from './rest-pulls.ts';
import { repositoryRoutes } from './rest-repositories.ts';
import { ruleRoutes } from './rest-rules.ts';
import { settingRoutes } from './rest-settings.ts';
import { statusRoutes } from './rest-statuses.ts';

/**
 * Every REST route of the stand-in. The first that matches answers, so what is more precise stands earlier
 * (`/commits/{ref}/status` before `/commits/{ref+}`).
 */
export const routes: readonly Route[] = [
  ...appRoutes,
  ...statusRoutes,
  ...ruleRoutes,
  ...settingRoutes,
  ...deploymentRoutes,
  ...issueRoutes,
  ...pullRoutes,
  ...contentRoutes,
  ...gitRoutes,
  ...repositoryRoutes,
];
