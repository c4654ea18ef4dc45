import { createHash } from 'node:crypto';
import type { DescService } from '@bufbuild/protobuf';
import { Containers } from '../../../daemon/api/containerd/gen/containerd/services/containers/v1/containers_pb.ts';
import {
  Content,
  WriteAction,
} from '../../../daemon/api/containerd/gen/containerd/services/content/v1/content_pb.ts';
import { Diff } from '../../../daemon/api/containerd/gen/containerd/services/diff/v1/diff_pb.ts';
import { Events } from '../../../daemon/api/containerd/gen/containerd/services/events/v1/events_pb.ts';
import { Images } from '../../../daemon/api/containerd/gen/containerd/services/images/v1/images_pb.ts';
import { Introspection } from '../../../daemon/api/containerd/gen/containerd/services/introspection/v1/introspection_pb.ts';
import { Leases } from '../../../daemon/api/containerd/gen/containerd/services/leases/v1/leases_pb.ts';
import { Namespaces } from '../../../daemon/api/containerd/gen/containerd/services/namespaces/v1/namespace_pb.ts';
import { Snapshots } from '../../../daemon/api/containerd/gen/containerd/services/snapshots/v1/snapshots_pb.ts';
import { Version } from '../../../daemon/api/containerd/gen/containerd/services/version/v1/version_pb.ts';
import { Health } from '../../../daemon/api/containerd/gen/grpc/health/v1/health_pb.ts';
import type { Step } from './ask.ts';

export type Line = readonly [method: string, request: object, namespace?: string];

export const stepsOf = (service: DescService, lines: readonly Line[]): readonly Step[] =>
  lines.map(([method, request, namespace]) => ({
    ...{ service, method, request },
    ...(namespace === undefined ? {} : { namespace }),
  }));

const ABSENT = `sha256:${'0'.repeat(64)}`;
const LONG = 'x'.repeat(5000);
const BAD_FILTERS = { filters: ['a=='] };
const mask = (...paths: string[]) => ({ updateMask: { paths } });
const digestOf = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;

const META = [
  ...stepsOf(Health, [
    ['check', {}],
    ['check', { service: 'none' }],
    ['watch', {}],
  ]),
  ...stepsOf(Introspection, [['plugins', BAD_FILTERS]]),
  ...stepsOf(Version, [['version', {}]]),
  ...stepsOf(Namespaces, [
    ['create', {}],
    ['create', { namespace: { name: '' } }],
    ['create', { namespace: { name: '/bad' } }],
    ['create', { namespace: { name: LONG } }],
    ['create', { namespace: { name: 'n1', labels: { [LONG]: 'x' } } }],
    ['create', { namespace: { name: 'n1', labels: { a: 'b' } } }],
    ['create', { namespace: { name: 'n1' } }],
    ['get', { name: 'n1' }],
    ['get', { name: 'none' }],
    ['get', {}],
    ['update', { namespace: { name: 'none', labels: { a: 'b' } }, ...mask('labels.a') }],
    ['update', { namespace: { name: 'n1', labels: { a: 'c' } }, ...mask('labels.a') }],
    ['update', { namespace: { name: 'n1', labels: { d: 'e' } } }],
    ['update', { namespace: { name: 'n1' }, ...mask('name') }],
    ['delete', { name: 'none' }],
    ['delete', {}],
    ['delete', { name: 'n1' }],
    ['list', {}],
  ]),
];

const spec = { typeUrl: 'types.containerd.io/opencontainers/runtime-spec/1/Spec', value: Buffer.from('{}') };
const container = (more: object = {}) => ({ id: 'c1', runtime: { name: 'a.b.v1' }, spec, ...more });

const event = { typeUrl: 'x.y', value: new Uint8Array() };

const RECORDS = [
  ...stepsOf(Containers, [
    ['get', {}],
    ['get', { id: 'none' }],
    ['get', { id: 'none' }, '/bad'],
    ['create', {}],
    ['create', { container: {} }],
    ['create', { container: { id: '-bad-' } }],
    ['create', { container: { id: 'c1' } }],
    ['create', { container: { id: 'c1', runtime: { name: 'a.b.v1' } } }],
    ['create', { container: container({ snapshotKey: 'k' }) }],
    ['create', { container: container({ labels: { [LONG]: '' } }) }],
    ['create', { container: container({ extensions: { '': spec } }) }],
    ['create', { container: container({ labels: { a: 'b' } }) }],
    ['create', { container: container() }],
    ['get', { id: 'c1' }],
    ['update', { container: { id: '' } }],
    ['update', { container: { id: 'none' } }],
    ['update', { container: { id: 'none', labels: {} }, ...mask('labels') }],
    ['update', { container: { id: 'c1' }, ...mask('id') }],
    ['update', { container: { id: 'c1' }, ...mask('runtime') }],
    ['update', { container: { id: 'c1', snapshotKey: 'x' }, ...mask('snapshot_key') }],
    ['update', { container: { id: 'c1', image: 'x' }, ...mask('image') }],
    ['update', { container: { id: 'c1', labels: { c: 'd' } }, ...mask('labels.c') }],
    ['update', { container: container({ runtime: { name: 'c.d.v1' }, labels: {} }) }],
    ['list', BAD_FILTERS],
    ['list', { filters: ['labels.c==d'] }],
    ['listStream', BAD_FILTERS],
    ['listStream', {}],
    ['delete', {}],
    ['delete', { id: 'none' }],
    ['delete', { id: 'c1' }],
    ['delete', { id: 'c1' }],
  ]),
  ...stepsOf(Images, [
    ['get', {}],
    ['get', { name: 'none' }],
    ['create', {}],
    ['create', { image: {} }],
    ['create', { image: { name: 'i1' } }],
    ['create', { image: { name: 'i1', target: { digest: 'bad' } } }],
    ['create', { image: { name: 'i1', target: { digest: ABSENT } } }],
    ['create', { image: { name: 'i1', target: { digest: ABSENT, size: 1n } } }],
    ['create', { image: { name: 'i1', target: { digest: ABSENT, size: 1n, mediaType: 'a/b' } } }],
    ['create', { image: { name: 'i1', target: { digest: ABSENT, size: 1n, mediaType: 'a/b' } } }],
    ['get', { name: 'i1' }],
    ['update', {}],
    ['update', { image: {} }],
    ['update', { image: { name: 'none' }, ...mask('labels') }],
    ['update', { image: { name: 'i1' }, ...mask('name') }],
    ['update', { image: { name: 'i1', labels: { [LONG]: '' } }, ...mask('labels') }],
    ['update', { image: { name: 'i1', labels: { a: 'b' } }, ...mask('labels.a') }],
    ['update', { image: { name: 'i1' }, ...mask('target') }],
    ['list', BAD_FILTERS],
    ['list', { filters: ['name==i1'] }],
    ['delete', {}],
    ['delete', { name: 'none' }],
    ['delete', { name: 'i1' }],
  ]),
  ...stepsOf(Leases, [
    ['create', { id: 'l1', labels: { a: 'b' } }],
    ['create', { id: 'l1' }],
    ['create', { id: 'l2', labels: { [LONG]: '' } }],
    ['list', BAD_FILTERS],
    ['list', { filters: ['id==l1'] }],
    ['addResource', { id: 'none', resource: { id: ABSENT, type: 'content' } }],
    ['addResource', { id: 'l1' }],
    ['addResource', { id: 'l1', resource: { id: 'x', type: 'bogus' } }],
    ['addResource', { id: 'l1', resource: { id: 'x', type: 'snapshots' } }],
    ['addResource', { id: 'l1', resource: { id: 'bad', type: 'content' } }],
    ['addResource', { id: 'l1', resource: { id: ABSENT, type: 'content' } }],
    ['addResource', { id: 'l1', resource: { id: 'k', type: 'snapshots/overlayfs' } }],
    ['listResources', { id: 'l1' }],
    ['listResources', { id: 'none' }],
    ['deleteResource', { id: 'l1', resource: { id: 'k', type: 'snapshots/overlayfs' } }],
    ['deleteResource', { id: 'l1', resource: { id: 'k', type: 'snapshots/overlayfs' } }],
    ['deleteResource', { id: 'none', resource: { id: 'k', type: 'snapshots/overlayfs' } }],
    ['listResources', { id: 'l1' }],
    ['delete', { id: 'none' }],
    ['delete', { id: 'l1', sync: true }],
  ]),
  ...stepsOf(Events, [
    ['publish', {}],
    ['publish', { topic: 'bad' }],
    // Without an event, or an envelope, a real containerd falls.
    ['publish', { topic: '/a/b', event: { typeUrl: 'x.y', value: new Uint8Array() } }],
    ['forward', { envelope: { topic: '/a/b', namespace: '/bad', event } }],
    ['forward', { envelope: { topic: 'bad', namespace: 'default', event } }],
    ['forward', { envelope: { topic: '/a/b', namespace: 'default', event } }],
    ['subscribe', BAD_FILTERS],
    ['subscribe', { filters: ['topic==/none'] }],
    ['subscribe', { filters: ['topic=="/none"'] }],
  ]),
];

const TEXT = 'some content of the test';
const write = (more: object = {}) => ({ action: WriteAction.WRITE, ref: 'r1', ...more });
const commit = (more: object = {}) => ({ ...write(more), action: WriteAction.COMMIT });
const data = Buffer.from(TEXT);

const CONTENT = stepsOf(Content, [
  ['info', {}],
  ['info', { digest: 'bad' }],
  ['info', { digest: 'sha256:00' }],
  ['info', { digest: ABSENT }],
  ['update', { info: { digest: 'bad' } }],
  ['update', { info: { digest: ABSENT }, ...mask('labels') }],
  ['list', BAD_FILTERS],
  ['delete', {}],
  ['delete', { digest: 'bad' }],
  ['delete', { digest: ABSENT }],
  ['read', {}],
  ['read', { digest: 'bad' }],
  ['read', { digest: ABSENT }],
  ['status', { ref: 'none' }],
  ['status', {}],
  ['listStatuses', BAD_FILTERS],
  ['abort', { ref: 'none' }],
  ['abort', {}],
  ['write', { messages: [write({ ref: '' })] }],
  ['write', { messages: [write({ expected: 'bad', data })] }],
  ['write', { messages: [write({ data, offset: 5n })] }],
  ['write', { messages: [write({ data }), { ...write(), action: WriteAction.STAT }] }],
  ['status', { ref: 'r1' }],
  ['listStatuses', {}],
  ['write', { messages: [commit({ offset: 24n, expected: ABSENT })] }],
  ['write', { messages: [commit({ offset: 24n, total: 7n })] }],
  ['write', { messages: [write({ data }), commit({ offset: 24n, total: 24n, labels: { a: 'b' } })] }],
  ['write', { messages: [write({ data }), commit({ offset: 24n, total: 24n })] }],
  ['write', { messages: [write({ ref: 'r2', expected: digestOf(TEXT) })] }],
  ['info', { digest: digestOf(TEXT) }],
  ['read', { digest: digestOf(TEXT), offset: 5n, size: 7n }],
  ['read', { digest: digestOf(TEXT), offset: 20n }],
  ['read', { digest: digestOf(TEXT), offset: 50n }],
  ['read', { digest: digestOf(TEXT), offset: 5n, size: 100n }],
  ['update', { info: { digest: digestOf(TEXT) }, ...mask('size') }],
  ['update', { info: { digest: digestOf(TEXT), labels: { [LONG]: '' } }, ...mask('labels') }],
  ['update', { info: { digest: digestOf(TEXT), labels: { c: 'd' } }, ...mask('labels.c') }],
  ['update', { info: { digest: digestOf(TEXT), labels: { e: 'f' } } }],
  ['list', { filters: ['labels.e==f'] }],
]);

const snapshotter = 'overlayfs';
const LAYERS = [
  ...stepsOf(Snapshots, [
    ['stat', { key: 'none' }],
    ['stat', { snapshotter: 'none', key: 'none' }],
    ['stat', { snapshotter, key: 'none' }],
    ['stat', { snapshotter }],
    ['prepare', { snapshotter }],
    ['prepare', { snapshotter, key: 'k', parent: 'none' }],
    ['prepare', { snapshotter, key: 'k', labels: { [LONG]: '' } }],
    ['prepare', { snapshotter, key: 'k', labels: { a: 'b' } }],
    ['prepare', { snapshotter, key: 'k' }],
    ['view', { snapshotter, key: 'v', parent: 'k' }],
    ['view', { snapshotter, key: 'v' }],
    ['mounts', { snapshotter, key: 'none' }],
    ['mounts', { snapshotter, key: 'k' }],
    ['commit', { snapshotter, key: 'none', name: 'done' }],
    ['commit', { snapshotter, key: 'v', name: 'done' }],
    ['commit', { snapshotter, key: 'k', name: 'v' }],
    ['commit', { snapshotter, key: 'k' }],
    ['commit', { snapshotter, key: 'k', name: 'done' }],
    ['commit', { snapshotter, key: 'done', name: 'again' }],
    ['mounts', { snapshotter, key: 'done' }],
    ['prepare', { snapshotter, key: 'done' }],
    ['prepare', { snapshotter, key: 'child', parent: 'done' }],
    ['prepare', { snapshotter, key: 'other', parent: 'child' }],
    ['update', { snapshotter }],
    ['update', { snapshotter, info: { name: 'none' }, ...mask('labels') }],
    ['update', { snapshotter, info: { name: 'done' }, ...mask('parent') }],
    ['update', { snapshotter, info: { name: 'done', labels: { c: 'd' } }, ...mask('labels.c') }],
    ['stat', { snapshotter, key: 'done' }],
    ['stat', { snapshotter, key: 'child' }],
    ['usage', { snapshotter, key: 'none' }],
    ['list', { snapshotter, ...BAD_FILTERS }],
    ['list', { snapshotter, filters: ['name==done'] }],
    ['list', { snapshotter: 'none' }],
    ['remove', { snapshotter, key: 'none' }],
    ['remove', { snapshotter, key: 'done' }],
    ['remove', { snapshotter, key: 'child' }],
    ['remove', { snapshotter, key: 'done' }],
    ['remove', { snapshotter, key: 'v' }],
    ['cleanup', { snapshotter }],
    ['cleanup', { snapshotter: 'none' }],
  ]),
  ...stepsOf(Diff, [
    // Without a diff a real containerd falls.
    ['apply', { diff: { digest: ABSENT, mediaType: 'application/vnd.oci.image.layer.v1.tar', size: 1n } }],
    ['apply', { diff: { digest: ABSENT, mediaType: 'a/b', size: 1n } }],
    ['diff', { mediaType: 'a/b' }],
    ['diff', { left: [{ type: 'bind', source: '/none', options: ['bind'] }], right: [] }],
  ]),
];

/** By the part of the test that asks it, in this order. */
export const STEPS: Readonly<Record<string, readonly Step[]>> = {
  'what there is': META,
  'records: containers, images, leases, events': RECORDS,
  content: CONTENT,
  'snapshots and diffs': LAYERS,
};
