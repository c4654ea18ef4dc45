import type { Container } from '../../../core/contract.ts';
import type { ContainerSize } from '../../../core/disk/contract.ts';
import { mountsOf } from './container.ts';
import { networksOf, type NetworkIds } from './endpoint.ts';
import { describeHealth } from './health.ts';
import { listPorts } from './ports.ts';
import { describeState, statusOf } from './state.ts';

/** One entry of `GET /containers/json`. `image` is what the image is called now: its id, once the name points elsewhere. */
export function summarize(
  container: Container,
  context: {
    readonly image: string;
    readonly networkId: NetworkIds;
    readonly nowMs: number;
    readonly size: ContainerSize | undefined;
  },
): object {
  const { config, state } = container;
  return {
    Id: container.id,
    Names: [`/${container.name}`],
    Image: context.image,
    ImageID: container.imageId,
    Command: commandLine(container),
    Created: Math.floor(Date.parse(container.createdAt) / 1000),
    Ports: listPorts(container),
    ...sizes(context.size),
    Labels: config.labels,
    State: statusOf(state),
    Status: `${describeState(state, context.nowMs)}${describeHealth(container)}`,
    HostConfig: { NetworkMode: config.host.networkMode },
    NetworkSettings: { Networks: networksOf(container, context.networkId) },
    Mounts: mountsOf(container),
  };
}

function commandLine({ path, args }: Container): string {
  return [path, ...args.map((word) => (word.includes(' ') ? `'${word}'` : word))].join(' ');
}

/** Zero sizes are left out, as docker does. */
function sizes(size: ContainerSize | undefined): object {
  return {
    ...((size?.rwBytes ?? 0) === 0 ? {} : { SizeRw: size?.rwBytes }),
    ...((size?.rootFsBytes ?? 0) === 0 ? {} : { SizeRootFs: size?.rootFsBytes }),
  };
}
