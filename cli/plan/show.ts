import type {
  PlanBody,
  PlannedEndpoint,
  PlannedMountBody,
  PlannedPort,
  PlannedVolume,
} from '../../daemon/api/docker/wire/plan.ts';
import { quote } from '../export-run/config-words.ts';
import { alignColumns } from '../format/table.ts';

type Row = readonly [what: string, how: string];

/** A plan for people: what would be made first, then what the container would have. */
export function showPlan(plan: PlanBody, { pull }: { readonly pull: string }): string {
  const sections: readonly (readonly [title: string, rows: readonly Row[]])[] = [
    ['Would be made', madeRows(plan)],
    ['Would run', processRows(plan, pull)],
    ['Would be mounted', plan.Mounts.map(mountRow)],
    ['Would be limited', limitRows(plan)],
    ['Networks', networkRows(plan)],
    ['Would be published', plan.Ports.map(portRow)],
    ['Isolation', isolationRows(plan)],
    ['Devices', deviceRows(plan)],
    ['Log', logRows(plan)],
  ];
  return sections
    .filter(([, rows]) => rows.length > 0)
    .map(([title, rows]) => `${title}\n${align(rows)}`)
    .join('\n');
}

const align = (rows: readonly Row[]): string =>
  alignColumns(rows.map(([what, how]) => `  ${what}\t${how}\n`).join(''), { minimum: 12, padding: 2 });

function madeRows({ Name, NameGenerated, Volumes, Mounts }: PlanBody): Row[] {
  return [
    ['container', NameGenerated ? `with a name like ${Name}` : Name],
    ...Volumes.filter(({ Made }) => Made).map((volume): Row => ['volume', volumeText(volume)]),
    ...Volumes.filter(({ Made, CopyUp }) => !Made && CopyUp).map(({ Name: name, Destination }): Row => [
      'contents',
      `of volume ${name}, from the image's ${Destination}`,
    ]),
    ...Mounts.filter(({ SourceMade }) => SourceMade).map(({ Source }): Row => ['directory', Source]),
  ];
}

function volumeText({ Name, Driver, Destination, CopyUp }: PlannedVolume): string {
  const name = Name === '' ? 'without a name' : Name;
  const filled = CopyUp ? `, filled with the image's ${Destination}` : '';
  return `${name} (${Driver}), for ${Destination}${filled}`;
}

function processRows(
  { Image, Process, User, Runtime, RestartPolicy, AutoRemove }: PlanBody,
  pull: string,
): Row[] {
  const { Args, WorkingDir, Hostname, Init } = Process;
  const isMissing = Image.Id === '';
  const layers = `${Image.Layers} ${Image.Layers === 1 ? 'layer' : 'layers'}`;
  const id = isMissing ? 'would be pulled; what it says itself is not known' : `${Image.Id} (${layers})`;
  const program = Args.length === 0 ? 'what the image says' : Args.map((word) => quote(word)).join(' ');
  const policy = RestartPolicy.Name === 'no' ? [] : [policyText(RestartPolicy)];
  return [
    [
      'image',
      `${Image.Reference}, ${id}${!isMissing && pull === 'always' ? ', and would be pulled again' : ''}`,
    ],
    ['program', `${program}${Init ? ', behind an init' : ''}`],
    ['user', userText(User)],
    ['directory', WorkingDir],
    ['host name', Hostname],
    ...(Runtime === 'runc' ? [] : [['runtime', Runtime] as const]),
    ...policy.map((text): Row => ['restart', text]),
    ...(AutoRemove ? [['at its end', 'removed, with its anonymous volumes'] as const] : []),
  ];
}

const policyText = ({ Name = '', MaximumRetryCount = 0 }: PlanBody['RestartPolicy']): string =>
  MaximumRetryCount > 0 ? `${Name}, at most ${MaximumRetryCount} times` : Name;

function userText({ Name, Uid, Gid, AdditionalGids, Mappings }: PlanBody['User']): string {
  const groups = AdditionalGids.filter((gid) => gid !== Gid);
  const who = Name === '' ? '' : ` (${Name})`;
  const mapped =
    Mappings.length === 0
      ? "the host's own, there is no user namespace"
      : `mapped ${Mappings.map((each) => `${each.ContainerID}-${each.ContainerID + each.Size - 1} to ${each.HostID}`).join(', ')}`;
  return `${Uid}:${Gid}${who}${groups.length === 0 ? '' : `, groups ${groups.join(' ')}`}, ${mapped}`;
}

const mountRow = ({ Type, Source, Destination, Options }: PlannedMountBody): Row => [
  Destination,
  `${Type}${Source === '' || Source === Type ? '' : ` ${Source}`} (${Options.join(',')})`,
];

function limitRows({ Limits }: PlanBody): Row[] {
  return [
    ['cgroup', Limits.CgroupPath],
    ...Limits.Writes.map(({ File, Value }): Row => [File.replace(Limits.CgroupPath, ''), Value]),
    ...Limits.Ulimits.map(({ Name, Soft, Hard }): Row => [`ulimit ${Name}`, `${Soft}:${Hard}`]),
    ...(Limits.OomScoreAdj === 0 ? [] : [['oom_score_adj', String(Limits.OomScoreAdj)] as const]),
  ];
}

function networkRows({ Networks, NetworkMode }: PlanBody): Row[] {
  if (Networks.length === 0) return [['mode', NetworkMode]];
  return Networks.map((endpoint): Row => [endpoint.Network, endpointText(endpoint)]);
}

function endpointText(endpoint: PlannedEndpoint): string {
  const { Driver, Interface, IPAddress, IPv6Address, Gateway, IPv6Gateway, MacAddress, Fixed } = endpoint;
  const addresses = [IPAddress, IPv6Address].filter((address) => address !== '');
  const gateways = [Gateway, IPv6Gateway].filter((address) => address !== '');
  return [
    `${Driver}${Interface === '' ? '' : ` ${Interface}`}`,
    ...(addresses.length === 0 ? [] : [`${addresses.join(' ')}${Fixed ? '' : ' (the next that is free)'}`]),
    ...(gateways.length === 0 ? [] : [`by ${gateways.join(' ')}`]),
    ...(MacAddress === '' ? [] : [MacAddress]),
    ...(endpoint.DNSNames.length === 0 ? [] : [`known as ${endpoint.DNSNames.join(' ')}`]),
  ].join(', ');
}

function portRow({ HostIp, HostPort, ContainerPort, Protocol, Fixed }: PlannedPort): Row {
  const host = HostIp.includes(':') ? `[${HostIp}]` : HostIp;
  const port = HostPort === 0 ? "by the container's own address" : `${host}:${HostPort}`;
  return [
    `${ContainerPort}/${Protocol}`,
    `${port}${Fixed || HostPort === 0 ? '' : ' (the next that is free)'}`,
  ];
}

function isolationRows({ Security, Namespaces }: PlanBody): Row[] {
  const { Capabilities, Seccomp, AppArmor, Sysctls } = Security;
  const own = Namespaces.filter(({ Path }) => Path === '').map(({ Type }) => Type);
  const joined = Namespaces.filter(({ Path }) => Path !== '').map(({ Type, Path }) => `${Type} of ${Path}`);
  const short = Capabilities.map((name) => name.replace(/^CAP_/, '').toLowerCase());
  return [
    ...(Security.Privileged ? [['privileged', 'yes'] as const] : []),
    ['namespaces', [...own, ...joined].join(' ')],
    ['capabilities', short.length === 0 ? 'none' : short.join(' ')],
    ['seccomp', seccompText(Seccomp)],
    ['apparmor', AppArmor === '' ? 'none' : AppArmor],
    ...(Security.NoNewPrivileges ? [['no new privileges', 'yes'] as const] : []),
    ...(Security.ReadonlyRootfs ? [['root', 'read-only'] as const] : []),
    ['hidden paths', `${Security.MaskedPaths.length}, and ${Security.ReadonlyPaths.length} read-only`],
    ...Object.entries(Sysctls).map(([name, value]): Row => [name, value]),
  ];
}

function seccompText({ Profile, Instructions }: PlanBody['Security']['Seccomp']): string {
  if (Profile === 'unconfined' || Profile === '') return 'none';
  const whose = Profile === 'builtin' ? "docker's profile" : 'a profile of its own';
  return `${whose}, ${Instructions} instructions`;
}

function deviceRows({ Devices, DeviceRules }: PlanBody): Row[] {
  return [
    ...Devices.map(({ Path, Type, Major, Minor }): Row => [Path, `${Type} ${Major}:${Minor}`]),
    ['may be used', DeviceRules.join(', ')],
  ];
}

function logRows({ Log }: PlanBody): Row[] {
  return [
    ['driver', Log.Driver],
    ...Object.entries(Log.Options).map(([name, value]): Row => [name, value]),
    ...(Log.Path === '' ? [] : [['file', Log.Path] as const]),
  ];
}
