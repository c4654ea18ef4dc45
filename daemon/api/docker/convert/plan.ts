import { shortId } from '../../../../common/ids.ts';
import { deviceRule } from '../../../../runtime/cgroup/devices.ts';
import type { Spec } from '../../../../runtime/spec.ts';
import type { Endpoint } from '../../../core/networks/types.ts';
import type { Container } from '../../../core/contract.ts';
import type { ContainerPlan, PlannedMount } from '../../../core/plan/contract.ts';
import { parseBindings } from '../../../core/ports/bindings.ts';
import type { PlanBody, PlannedEndpoint, PlannedMountBody, PlannedPort } from '../wire/plan.ts';
import { showRestartPolicy } from './restart-policy.ts';

type Plan = ContainerPlan<Container>;

/** The plan as clients get it: in place of names that are made up at every create, `<id>`, `<short id>` and `<volume>`. */
export function showPlan(plan: Plan, more: readonly string[]): PlanBody {
  const { view } = plan;
  const volumes = plan.mounts.filter(({ point, source }) => point.anonymous && source === 'made');
  const text = volumes.reduce(
    (shown, { point }) => shown.replaceAll(point.name, '<volume>'),
    JSON.stringify(showAll(plan, more)),
  );
  return JSON.parse(text.replaceAll(view.id, '<id>').replaceAll(shortId(view.id), '<short id>')) as PlanBody;
}

function showAll(plan: Plan, more: readonly string[]): PlanBody {
  const { view, start } = plan;
  const { config } = view;
  return {
    Name: view.name,
    NameGenerated: plan.isNameGenerated,
    Image: { Reference: view.imageName, Id: view.imageId, Layers: view.overlay.lower.length },
    Process: {
      Args: [view.path, ...view.args].filter((word) => word !== '' || plan.isImageThere),
      Env: start.spec?.process.env ?? config.env,
      WorkingDir: config.workingDir || '/',
      Hostname: config.hostname,
      Tty: config.tty,
      Init: start.spec?.mounts.some(({ destination }) => destination === '/sbin/docker-init') ?? false,
    },
    User: showUser(plan),
    Volumes: plan.mounts.filter(({ point }) => point.type === 'volume').map(showVolume),
    Mounts: start.spec?.mounts.map((mount) => showMount(mount, plan.mounts)) ?? [],
    Limits: showLimits(plan),
    NetworkMode: config.host.networkMode,
    Networks: start.sandbox?.endpoints.map(showEndpoint) ?? [],
    Ports: showPorts(plan),
    Security: showSecurity(plan),
    Namespaces: (start.spec?.linux.namespaces ?? []).map(({ type, path = '' }) => ({
      Type: type,
      Path: path,
    })),
    Devices: (start.spec?.linux.devices ?? []).map(({ path, type, major = 0, minor = 0 }) => ({
      ...{ Path: path, Type: type, Major: major, Minor: minor },
    })),
    DeviceRules: (start.spec?.linux.resources?.devices ?? []).map(
      (rule) => `${rule.allow ? 'allow' : 'deny'} ${deviceRule(rule)}`,
    ),
    Log: { Driver: config.host.logDriver, Options: config.host.logOptions, Path: view.logPath },
    Runtime: config.host.runtime ?? 'runc',
    RestartPolicy: showRestartPolicy(config.host.restartPolicy),
    AutoRemove: config.host.autoRemove,
    Warnings: [...plan.warnings, ...more],
    Problems: start.problems.map(({ error, exitCode }) => ({ Message: error.message, ExitCode: exitCode })),
  };
}

function showUser({ view, start }: Plan): PlanBody['User'] {
  const { uid = 0, gid = 0, additionalGids = [] } = start.spec?.process.user ?? {};
  const mappings = start.spec?.linux.uidMappings ?? [];
  return {
    Name: view.config.user,
    Uid: uid,
    Gid: gid,
    AdditionalGids: additionalGids,
    Mappings: mappings.map(({ containerID, hostID, size }) => ({
      ContainerID: containerID,
      HostID: hostID,
      Size: size,
    })),
  };
}

const showVolume = ({ point, source, fill }: PlannedMount): PlanBody['Volumes'][number] => ({
  Name: point.anonymous && source === 'made' ? '' : point.name,
  Driver: point.driver,
  Destination: point.destination,
  Made: source === 'made',
  CopyUp: fill,
});

function showMount(
  { type = '', source = '', destination, options = [] }: Spec['mounts'][number],
  planned: readonly PlannedMount[],
): PlannedMountBody {
  const own = planned.find(({ point }) => point.destination === destination);
  return {
    Type: own?.point.type ?? type,
    Source: own === undefined || own.point.type === 'bind' ? source : own.point.name,
    Destination: destination,
    Options: options,
    SourceMade: own?.point.type === 'bind' && own.source === 'made',
  };
}

function showLimits({ view, start }: Plan): PlanBody['Limits'] {
  const { ulimits, oomScoreAdj } = view.config.host;
  return {
    CgroupPath: start.cgroupPath,
    Writes: start.limits.flatMap(({ mountPoint, writes }) =>
      writes.map(({ file, text }) => ({ File: `${mountPoint}${start.cgroupPath}/${file}`, Value: text })),
    ),
    Ulimits: ulimits.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })),
    OomScoreAdj: oomScoreAdj,
  };
}

function showEndpoint(endpoint: Endpoint): PlannedEndpoint {
  const { ipAddress, prefixLength, ipv6Address, ipv6PrefixLength, settings } = endpoint;
  const withPrefix = (address: string, length: number): string =>
    address === '' ? '' : `${address}/${length}`;
  return {
    Network: endpoint.networkName,
    Driver: endpoint.driver,
    Interface: endpoint.interfaceName,
    MacAddress: endpoint.macAddress,
    IPAddress: withPrefix(ipAddress, prefixLength),
    IPv6Address: withPrefix(ipv6Address, ipv6PrefixLength),
    Gateway: endpoint.gateway,
    IPv6Gateway: endpoint.ipv6Gateway,
    DNSNames: endpoint.dnsNames,
    Fixed: settings.ipv4Address !== undefined || settings.ipv6Address !== undefined,
  };
}

function showPorts({ view, start }: Plan): PlannedPort[] {
  const { portBindings: bindings, publishAllPorts: publishAll } = view.config.host;
  const asked = parseBindings({ bindings, publishAll, exposed: Object.keys(view.config.exposedPorts) });
  return start.ports.map(({ containerPort, protocol, hostIp, hostPort }) => ({
    ContainerPort: containerPort,
    Protocol: protocol,
    HostIp: hostIp,
    HostPort: hostPort,
    Fixed: asked.some(
      ({ containerPort: port, hostPorts }) =>
        port === containerPort && hostPorts?.first === hostPort && hostPorts.last === hostPort,
    ),
  }));
}

function showSecurity({ view, start }: Plan): PlanBody['Security'] {
  const { host } = view.config;
  const { spec, seccomp } = start;
  const isText = !['builtin', 'unconfined', ''].includes(seccomp.profile);
  return {
    Privileged: host.privileged,
    Capabilities: spec?.process.capabilities?.bounding ?? [],
    NoNewPrivileges: spec?.process.noNewPrivileges ?? false,
    Seccomp: { Profile: isText ? 'own' : seccomp.profile, Instructions: seccomp.instructions },
    AppArmor: spec?.process.apparmorProfile ?? '',
    MaskedPaths: spec?.linux.maskedPaths ?? [],
    ReadonlyPaths: spec?.linux.readonlyPaths ?? [],
    ReadonlyRootfs: host.readonlyRootfs,
    Sysctls: spec?.linux.sysctl ?? {},
  };
}
