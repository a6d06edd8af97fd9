import { couldNot } from '../report/failure.ts';

/**
 * A threshold of scan findings says nothing to a run that does not look at images: taken silently, everybody would believe that
 * the scan was looked at.
 *
 * @throws Failure (exit 2, `bad-input`)
 */
export function demandImageCheck(scanThreshold: string | undefined, isChecked: boolean): void {
  if (scanThreshold !== undefined && !isChecked) {
    throw couldNot('scan-threshold is given, but images are not looked at.', {
      todo: 'Give check-image too (it needs a role or credentials that may read the registry), or leave scan-threshold out.',
      reason: 'bad-input',
    });
  }
}
