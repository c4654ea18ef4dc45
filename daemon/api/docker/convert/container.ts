import type { Container, MountPoint } from '../../../core/contract.ts';
import type { ContainerSize } from '../../../core/disk/contract.ts';
import { toDocker } from '../../../core/health/docker-form.ts';
import { networkSettings, type NetworkIds } from './endpoint.ts';
import { settledHostConfig } from './shown-host-config.ts';
import { showHealth } from './health.ts';
import { showState } from './state.ts';

/** Answer of `GET /containers/{id}/json`, every field in docker's order and with docker's zero values. */
export function inspectContainer(
  container: Container,
  networkId: NetworkIds,
  size: ContainerSize | undefined,
): Record<string, unknown> {
  return {
    Id: container.id,
    Created: container.createdAt,
    Path: container.path,
    Args: container.args,
    State: { ...showState(container.state), ...showHealth(container), ...showLogLoss(container) },
    Image: container.imageId,
    ResolvConfPath: container.resolvConfPath,
    HostnamePath: container.hostnamePath,
    HostsPath: container.hostsPath,
    LogPath: container.logPath,
    Name: `/${container.name}`,
    RestartCount: container.restarts.count,
    Driver: 'overlay2',
    Platform: 'linux',
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: appArmorOf(container),
    ExecIDs: container.execIds.length === 0 ? null : container.execIds,
    HostConfig: { ...container.config.host.raw, ...settledHostConfig(container.config.host) },
    GraphDriver: { Data: graphData(container), Name: 'overlay2' },
    ...(size === undefined ? {} : { SizeRw: size.rwBytes, SizeRootFs: size.rootFsBytes }),
    Mounts: mountsOf(container),
    Config: showConfig(container),
    NetworkSettings: networkSettings(container, networkId),
  };
}

/** Beyond docker, and only where something was lost: a full disk drops lines rather than hold the container up. */
const showLogLoss = ({ logLoss }: Container): object =>
  logLoss === undefined ? {} : { LogLostBytes: logLoss.lostBytes, LogError: logLoss.errno ?? '' };

/** As it was asked for. */
const appArmorOf = ({ config }: Container): string =>
  config.host.securityOpt
    .map((option) => /^apparmor[=:](.*)$/s.exec(option)?.[1])
    .findLast((name) => name !== undefined) ?? '';

/** Docker's MountPoint list: binds, volumes, images, and tmpfs of `--mount` (those of `--tmpfs` don't show). */
export function mountsOf(container: Container): object[] {
  const mounts = container.config.host.raw['Mounts'];
  const tmpfs = (
    Array.isArray(mounts) ? (mounts as { Type?: string; Target?: string; ReadOnly?: boolean }[]) : []
  ).filter(({ Type }) => Type === 'tmpfs');
  return [
    ...container.mounts.map(showPoint),
    ...tmpfs.map(({ Target, ReadOnly }) => ({
      Type: 'tmpfs',
      Source: '',
      Destination: Target,
      Mode: '',
      RW: ReadOnly !== true,
      Propagation: '',
    })),
  ];
}

function showPoint({ type, name, source, destination, driver, mode, rw, propagation }: MountPoint): object {
  return {
    Type: type,
    ...(type === 'volume' ? { Name: name } : {}),
    Source: source,
    Destination: destination,
    ...(type === 'volume' ? { Driver: driver } : {}),
    Mode: mode,
    RW: rw,
    Propagation: propagation,
  };
}

/** Without docker's `MergedDir`: the overlay is mounted in the container's own mount namespace, so the host has no such path. */
function graphData({ id, overlay }: Container): object {
  return { ID: id, LowerDir: overlay.lower.join(':'), UpperDir: overlay.upper, WorkDir: overlay.work };
}

function showConfig({ config, imageName }: Container): object {
  return {
    Hostname: config.hostname,
    Domainname: config.domainname,
    User: config.user,
    AttachStdin: config.attachStdin,
    AttachStdout: config.attachStdout,
    AttachStderr: config.attachStderr,
    ...(isEmpty(config.exposedPorts) ? {} : { ExposedPorts: config.exposedPorts }),
    Tty: config.tty,
    OpenStdin: config.openStdin,
    StdinOnce: config.stdinOnce,
    Env: config.env,
    Cmd: config.cmd ?? null,
    ...(config.healthcheck === undefined ? {} : { Healthcheck: toDocker(config.healthcheck) }),
    ...(config.kept.argsEscaped ? { ArgsEscaped: true } : {}),
    Image: imageName,
    Volumes: isEmpty(config.volumes) ? null : config.volumes,
    WorkingDir: config.workingDir,
    Entrypoint: (config.entrypoint ?? []).length === 0 ? null : config.entrypoint,
    ...(config.kept.networkDisabled ? { NetworkDisabled: true } : {}),
    OnBuild: config.kept.onBuild ?? null,
    Labels: config.labels,
    ...(config.stopSignal === undefined ? {} : { StopSignal: config.stopSignal }),
    ...(config.stopTimeoutS === undefined ? {} : { StopTimeout: config.stopTimeoutS }),
    ...((config.kept.shell ?? []).length === 0 ? {} : { Shell: config.kept.shell }),
  };
}

const isEmpty = (value: object): boolean => Object.keys(value).length === 0;
