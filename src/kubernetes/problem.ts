import { formatPath, type YamlPath } from '../yaml/path.ts';
import { type KubernetesObject, objectName } from './object.ts';

/** What an API server would say about one place of an object. */
export interface SchemaProblem {
  /**
   * - `unknown-kind`: this version has no such kind, or no schema of it is known: the object is not checked at all
   * - `removed-api`: the apiVersion was served by older versions
   * - `unknown-field`: strict decoding refuses it, other ways of applying drop it silently
   * - `wrong-type`, `missing-field`, `bad-value`: refused
   * - `not-checked`: a rule of a CustomResourceDefinition that we cannot evaluate
   * - `deprecated-api`: taken, with a warning
   * - `beta-api`: taken where somebody has turned it on
   */
  readonly kind:
    | 'unknown-kind'
    | 'removed-api'
    | 'unknown-field'
    | 'wrong-type'
    | 'missing-field'
    | 'bad-value'
    | 'not-checked'
    | 'deprecated-api'
    | 'beta-api';
  /** `warning`: the API server takes the object all the same. */
  readonly severity: 'error' | 'warning';
  /** Where in the object. For a missing field: the map that must get it. */
  readonly path: YamlPath;
  /** Whole sentences, which can be read without the path. */
  readonly message: string;
}

/** `Deployment/web: "replica" is no field of spec …` for messages about several objects. */
export const formatProblem = (object: KubernetesObject, { message }: SchemaProblem): string =>
  `${objectName(object)}: ${message}`;

/** `spec.replicas`, and the kind for the whole object. */
export const placeIn = (object: KubernetesObject, path: YamlPath): string =>
  path.length === 0 ? object.kind : formatPath(path);
