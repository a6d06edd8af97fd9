import type { Tree } from '../../src/repository/tree.ts';
import { editedTree, emptyTree } from '../../src/scaffold/edited-tree.ts';

/** A tree of these files. */
export const treeOf = (files: Readonly<Record<string, string>>): Tree =>
  editedTree(emptyTree('acme/gitops'), new Map(Object.entries(files)));

/** An Application in the manifest's own words. */
export const applicationYaml = (name: string, spec: string): string =>
  `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: { name: ${name} }
spec: { project: default, destination: { name: prod-1, namespace: ${name} }, ${spec} }
`;

export const URL_HERE = 'https://github.com/acme/gitops.git';

/** A source of this repository. */
export const sourceAt = (path: string, more = ''): string =>
  `source: { repoURL: "${URL_HERE}", targetRevision: main, path: "${path}"${more === '' ? '' : `, ${more}`} }`;
