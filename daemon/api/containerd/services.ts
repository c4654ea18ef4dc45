import type { DescService } from '@bufbuild/protobuf';
import type { ConnectRouter } from '@connectrpc/connect';
import { Containers } from './gen/containerd/services/containers/v1/containers_pb.ts';
import { Events } from './gen/containerd/services/events/v1/events_pb.ts';
import { Introspection } from './gen/containerd/services/introspection/v1/introspection_pb.ts';
import { Leases } from './gen/containerd/services/leases/v1/leases_pb.ts';
import { Namespaces } from './gen/containerd/services/namespaces/v1/namespace_pb.ts';
import { Tasks } from './gen/containerd/services/tasks/v1/tasks_pb.ts';
import { Version } from './gen/containerd/services/version/v1/version_pb.ts';
import { Health } from './gen/grpc/health/v1/health_pb.ts';
import type { ContainerdParts } from './parts.ts';
import { makeContainers } from './services/containers.ts';
import { makeEvents } from './services/events.ts';
import { makeHealth } from './services/health.ts';
import { makeIntrospection } from './services/introspection.ts';
import { makeLeases } from './services/leases.ts';
import { makeNamespaces } from './services/namespaces.ts';
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
    .service(Leases, makeLeases(parts))
    .service(Events, makeEvents(parts))
    .service(Tasks, makeTasks(parts));
}

const SERVED: readonly DescService[] = [
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
