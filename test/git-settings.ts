/**
 * The environment of a git that knows no settings of this machine, and is signed in to GitHub: its first request carries the token,
 * as that of actions/checkout does, with no 401 in between.
 *
 * @param settings like `user.name`
 */
export function gitSettings(
  { login, token }: { readonly login: string; readonly token: string },
  settings: Readonly<Record<string, string>>,
): Record<string, string> {
  const authorization = `Authorization: Basic ${Buffer.from(`${login}:${token}`).toString('base64')}`;
  const all = Object.entries({ 'http.extraHeader': authorization, ...settings });
  return {
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_COUNT: String(all.length),
    ...Object.fromEntries(
      all.flatMap(([key, value], index) => [
        [`GIT_CONFIG_KEY_${index}`, key],
        [`GIT_CONFIG_VALUE_${index}`, value],
      ]),
    ),
  };
}
