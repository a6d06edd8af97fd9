import { openSuite, suiteFile } from '../repository/suite.ts';

/** The version of this package. */
export async function readVersion(): Promise<string> {
  const { version } = JSON.parse(await suiteFile(await openSuite(), 'package.json')) as { version: string };
  return version;
}
