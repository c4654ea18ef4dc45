import type { DescService } from '@bufbuild/protobuf';
import type { ConnectRouter } from '@connectrpc/connect';
import { Containers } from './gen/containerd/services/containers/v1/containers_pb.ts';
import { Content } from './gen/containerd/services/content/v1/content_pb.ts';
import { Diff } from './gen/containerd/services/diff/v1/diff_pb.ts';
import { Events } from './gen/containerd/services/events/v1/events_pb.ts';
import { Images } from './gen/containerd/services/images/v1/images_pb.ts';
import { Introspection } from './gen/containerd/services/introspection/v1/introspection_pb.ts';
import { Leases } from './gen/containerd/services/leases/v1/leases_pb.ts';
import { Namespaces } from './gen/containerd/services/namespaces/v1/namespace_pb.ts';
import { Snapshots } from './gen/containerd/services/snapshots/v1/snapshots_pb.ts';
import { Tasks } from './gen/containerd/services/tasks/v1/tasks_pb.ts';
import { Version } from './gen/containerd/services/version/v1/version_pb.ts';
import { Health } from './gen/grpc/health/v1/health_pb.ts';
import type { ContainerdParts } from './parts.ts';
import { makeContainers } from './services/containers.ts';
import { makeContent } from './services/content.ts';
import { makeDiff } from './services/diff.ts';
import { makeEvents } from './services/events.ts';
import { makeHealth } from './services/health.ts';
import { makeImages } from './services/images.ts';
import { makeIntrospection } from './services/introspection.ts';
import { makeLeases } from './services/leases.ts';
import { makeNamespaces } from './services/namespaces.ts';
import { makeSnapshots } from './services/snapshots.ts';
import { makeTasks } from './services/tasks.ts';
import { makeVersion } from './services/version.ts';

/** Every service that is served, and who serves it: one file each in `services/`. */
export function registerServices(router: ConnectRouter, parts: ContainerdParts): void {
  router
    .service(Version, makeVersion())
    .service(Health, makeHealth())
    .service(Namespaces, makeNamespaces(parts))
    .service(Containers, makeContainers(parts))
    .service(Introspection, makeIntrospection(parts))
    .service(Images, makeImages(parts))
    .service(Content, makeContent(parts))
    .service(Snapshots, makeSnapshots(parts))
    .service(Diff, makeDiff(parts))
    .service(Leases, makeLeases(parts))
    .service(Events, makeEvents(parts))
    .service(Tasks, makeTasks(parts));
}

const SERVED: readonly DescService[] = [
  ...[Images, Content, Snapshots, Diff],

  Version,
  Health,
  Introspection,
  Namespaces,
  Containers,
  Leases,
  Events,
  Tasks,
];

export const servedNames: ReadonlySet<string> = new Set(SERVED.map(({ typeName }) => typeName));
