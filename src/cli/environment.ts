/** What a laptop's shell says about GitHub: the variables of the GitHub CLI and of the runner. */
export function environmentAccess(environment: NodeJS.ProcessEnv = process.env) {
  const apiUrl = environment.GITHUB_API_URL ?? 'https://api.github.com';
  const token = environment.GH_TOKEN || environment.GITHUB_TOKEN || undefined;
  const serverUrl = environment.GITHUB_SERVER_URL ?? 'https://github.com';
  return { apiUrl, serverUrl, token };
}
