import { stat } from 'node:fs/promises';
import type { ServiceImpl } from '@connectrpc/connect';
import { compileRecordFilters } from '../../../../image/namespaces/filter.ts';
import type { Introspection } from '../gen/containerd/services/introspection/v1/introspection_pb.ts';
import type { ContainerdParts } from '../parts.ts';
import { listPlugins } from './plugins.ts';

export const makeIntrospection = ({ engine }: ContainerdParts): ServiceImpl<typeof Introspection> => ({
  plugins: ({ filters }) => {
    const passes = compileRecordFilters(filters);
    const plugins = listPlugins(engine.info());
    return {
      plugins: plugins.filter(({ type, id }) =>
        passes(([field = '']) => (field === 'type' ? type : field === 'id' ? id : undefined)),
      ),
    };
  },
  server: async () => ({
    uuid: uuidOf(engine.info().id),
    pid: BigInt(process.pid),
    pidns: BigInt((await stat('/proc/self/ns/pid')).ino),
  }),
});

/** The engine's id, as it must look to be one. */
function uuidOf(id: string): string {
  const hex = id
    .replaceAll(/[^0-9a-f]/g, '')
    .padEnd(32, '0')
    .slice(0, 32);
  return hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, '$1-$2-4$3-8$4-$5');
}
