import type { ServiceImpl } from '@connectrpc/connect';
import { invalidArgument } from '../../../../common/errors.ts';
import type { Labels } from '../../../../image/namespaces/labels.ts';
import {
  NamespaceCreateSchema,
  NamespaceDeleteSchema,
  NamespaceUpdateSchema,
} from '../gen/containerd/events/namespace_pb.ts';
import type { Namespace, Namespaces } from '../gen/containerd/services/namespaces/v1/namespace_pb.ts';
import { namespaceOf } from '../call.ts';
import type { ContainerdParts } from '../parts.ts';

export function makeNamespaces({ containerd, events }: ContainerdParts): ServiceImpl<typeof Namespaces> {
  const { namespaces } = containerd;
  return {
    get: ({ name }) => ({ namespace: { name, labels: namespaces.labelsOf(name) } }),
    list: () => ({ namespaces: namespaces.list().map(({ name, labels }) => ({ name, labels })) }),
    create: ({ namespace }, context) => {
      const by = namespaceOf(context);
      const { name, labels } = required(namespace);
      namespaces.create(name, labels);
      events.publish({ namespace: by, topic: '/namespaces/create' }, NamespaceCreateSchema, {
        name,
        labels,
      });
      return { namespace: { name, labels } };
    },
    update: ({ namespace, updateMask }, context) => {
      const by = namespaceOf(context);
      const { name, labels } = required(namespace);
      namespaces.update(name, changeOf(namespaces.labelsOf(name), labels, updateMask?.paths ?? []));
      events.publish({ namespace: by, topic: '/namespaces/update' }, NamespaceUpdateSchema, {
        name,
        labels,
      });
      return { namespace: { name, labels: namespaces.labelsOf(name) } };
    },
    delete: ({ name }) => {
      namespaces.delete(name);
      events.publish({ namespace: name, topic: '/namespaces/delete' }, NamespaceDeleteSchema, { name });
      return {};
    },
  };
}

/** None is one without a name. */
const required = (namespace: Namespace | undefined): Pick<Namespace, 'name' | 'labels'> =>
  namespace ?? { name: '', labels: {} };

/** Without a field mask the labels are replaced as a whole. */
function changeOf(present: Labels, asked: Labels, paths: readonly string[]): Labels {
  if (paths.length === 0)
    return { ...Object.fromEntries(Object.keys(present).map((key) => [key, ''])), ...asked };
  return Object.fromEntries(
    paths.map((path) => {
      if (!path.startsWith('labels.')) throw invalidArgument(`cannot update "${path}" field`);
      const key = path.slice('labels.'.length);
      return [key, asked[key] ?? ''];
    }),
  );
}
