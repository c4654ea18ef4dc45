import type { Container } from '../../../core/contract.ts';
import { containerPorts } from '../../../core/ports/bindings.ts';
import type { PublishedPort } from '../../../core/ports/contract.ts';

/** Inspect's `NetworkSettings.Ports`: where each published or exposed port is reached; null: nowhere. Empty while it does not run. */
export function showPortMap({ sandbox, ports, config }: Container): object {
  if (sandbox?.kind !== 'own') return {};
  const map: Record<string, { HostIp: string; HostPort: string }[] | null> = {};
  for (const { containerPort, protocol } of exposedOf(config)) map[`${containerPort}/${protocol}`] = null;
  for (const { containerPort, protocol, hostIp, hostPort } of ports) {
    (map[`${containerPort}/${protocol}`] ??= []).push({ HostIp: hostIp, HostPort: String(hostPort) });
  }
  return map;
}

/** `Ports` of a list of containers. */
export function listPorts({ sandbox, ports, config }: Container): object[] {
  if (sandbox?.kind !== 'own') return [];
  const isPublished = (port: Pick<PublishedPort, 'containerPort' | 'protocol'>): boolean =>
    ports.some(
      ({ containerPort, protocol }) => containerPort === port.containerPort && protocol === port.protocol,
    );
  return [
    ...exposedOf(config)
      .filter((port) => !isPublished(port))
      .map(({ containerPort, protocol }) => ({ PrivatePort: containerPort, Type: protocol })),
    ...ports.map(({ hostIp, containerPort, hostPort, protocol }) => ({
      IP: hostIp,
      PrivatePort: containerPort,
      PublicPort: hostPort,
      Type: protocol,
    })),
  ];
}

const exposedOf = ({ exposedPorts }: Container['config']): ReturnType<typeof containerPorts> =>
  Object.keys(exposedPorts).flatMap(containerPorts);
