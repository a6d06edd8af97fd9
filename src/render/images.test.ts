import { expect, it } from 'vitest';
import { imagesOf } from './images.ts';

const object = (kind: string, fields: object) => ({
  apiVersion: 'v1',
  kind,
  metadata: { name: 'shop', namespace: 'mail' },
  ...fields,
});

it('finds the images of pods wherever a kind keeps them, and says where', () => {
  const pod = {
    initContainers: [{ name: 'copy', image: 'r/copy:1' }],
    containers: [{ name: 'main', image: 'r/main:1' }, { name: 'beside' }],
    ephemeralContainers: [{ name: 'look', image: 'r/look:1' }],
    volumes: [
      { name: 'model', image: { reference: 'r/model:1' } },
      { name: 'tmp', emptyDir: {} },
    ],
  };
  const objects = [
    object('Service', { spec: { ports: [{ port: 80 }] } }),
    object('CronJob', { spec: { jobTemplate: { spec: { template: { spec: pod } } } } }),
    object('Rollout', {
      spec: { template: { spec: { containers: [{ name: 'web', image: 'r/web@sha256:1' }] } } },
    }),
  ];
  const at = 'spec.jobTemplate.spec.template.spec';
  const place = { object: 'CronJob/shop', namespace: 'mail' };
  expect(imagesOf(objects)).toEqual([
    { ...place, image: 'r/copy:1', container: 'copy', path: `${at}.initContainers[0].image` },
    { ...place, image: 'r/main:1', container: 'main', path: `${at}.containers[0].image` },
    { ...place, image: 'r/look:1', container: 'look', path: `${at}.ephemeralContainers[0].image` },
    { ...place, image: 'r/model:1', container: 'model', path: `${at}.volumes[0].image.reference` },
    {
      object: 'Rollout/shop',
      namespace: 'mail',
      image: 'r/web@sha256:1',
      container: 'web',
      path: 'spec.template.spec.containers[0].image',
    },
  ]);
});

it('takes a setting that is called image for nothing else', () => {
  expect(imagesOf([object('ConfigMap', { data: { image: 'r/a:1' } })])).toEqual([]);
});
