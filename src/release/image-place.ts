import { KAJITORI_FILE, type KajitoriConfig } from '../config/kajitori-yaml.ts';
import { imagePath, layoutOf } from '../config/layout.ts';
import { couldNot } from '../report/failure.ts';
import type { YamlPath } from '../yaml/path.ts';

/**
 * Where an image stands in a release file. `{image}` in `apps.image` of kajitori.yaml stands for the name of an image.
 *
 * @param name `''` for an app with one image
 */
export function pathOfImage(config: KajitoriConfig, name: string, app: string): YamlPath {
  if (layoutOf(config).kind === 'standard') {
    return name === '' ? ['image'] : ['images', name];
  }
  const path = imagePath(config);
  const named = path.some((key) => key === '{image}');
  if (named !== (name !== '')) {
    throw couldNot(
      named
        ? `Say which image of ${app} is meant: apps.image in kajitori.yaml has {image} in it.`
        : `The image ${name} of ${app} has no place: apps.image in kajitori.yaml has no {image} in it.`,
      {
        at: { file: KAJITORI_FILE },
        todo: 'Write NAME=repository:tag, or change apps.image.',
        reason: 'bad-image',
      },
    );
  }
  return path.map((key) => (key === '{image}' ? name : key));
}
