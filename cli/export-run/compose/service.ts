import {
  isImagesOwn,
  type Fields,
  type Made,
  mapOf,
  numberOf,
  objectsOf,
  textOf,
  textsOf,
} from '../facts.ts';
import { ownLabels, withoutEmpty } from './fields.ts';
import { limitsOf } from './limits.ts';
import { dependsOn, networksOf, placeOf, portsOf, storageOf, type Names } from './places.ts';

export interface Service {
  readonly name: string;
  readonly service: Fields;
  /** Of the file's own sections. */
  readonly networks: readonly string[];
  readonly volumes: readonly string[];
  /** What compose has no words for. */
  readonly notes: readonly string[];
}

const DEFAULT_SHM_BYTES = 64 * 1024 * 1024;

/** One container as a service. `names`: the services of containers, by their names and ids. */
export function serviceOf(made: Made, names: Names): Service {
  const { HostConfig: host } = made;
  const storage = storageOf(made);
  const networks = networksOf(made, names);
  return {
    name: names.get(made.Id) ?? made.Name.slice(1),
    service: withoutEmpty({
      container_name: made.Name.slice(1),
      image: made.Config['Image'],
      ...programOf(made),
      ...configOf(made),
      ...hostOf(host),
      ...limitsOf(host),
      ...networks.fields,
      ...placeOf(made, names),
      ...portsOf(made),
      ...storage.fields,
      depends_on: dependsOn(made, names),
    }),
    networks: networks.names,
    volumes: storage.names,
    notes: notesOf(made),
  };
}

function notesOf({ HostConfig }: Made): string[] {
  const unsaid = {
    PublishAllPorts: '--publish-all',
    UTSMode: '--uts',
    Annotations: '--annotation',
    DeviceRequests: '--gpus',
    CgroupnsMode: '--cgroupns',
  };
  const isDefault = (field: string): boolean => {
    const value = HostConfig[field];
    if (field === 'CgroupnsMode') return true;
    return !value || (typeof value === 'object' && Object.keys(value).length === 0);
  };
  const lost = Object.entries(unsaid).filter(([field]) => !isDefault(field));
  const open = Array.isArray(HostConfig['MaskedPaths']) && HostConfig['MaskedPaths'].length === 0;
  const systempaths = open && HostConfig['Privileged'] !== true ? ['systempaths=unconfined'] : [];
  return [...lost.map(([, flag]) => flag), ...systempaths].map((what) => `compose has no word for ${what}`);
}

/** What the image says itself is left out. */
function programOf({ Config, image }: Made): Fields {
  const [entry, command] = [textsOf(Config, 'Entrypoint'), textsOf(Config, 'Cmd')];
  const sameEntry = isImagesOwn(Config, image, 'Entrypoint');
  const sameCommand = sameEntry && isImagesOwn(Config, image, 'Cmd');
  return {
    entrypoint: sameEntry ? undefined : entry,
    command: sameCommand ? undefined : command,
  };
}

function configOf({ Id, Config, HostConfig, image }: Made): Fields {
  const own = (name: string): string | undefined =>
    textOf(Config, name) === textOf(image, name) ? undefined : textOf(Config, name);
  const hostname = textOf(Config, 'Hostname');
  const isHosts = /^(host|container:)/.test(textOf(HostConfig, 'NetworkMode'));
  const imageEnv = new Set(textsOf(image, 'Env'));
  const imageLabels = mapOf(image, 'Labels');
  const labels = Object.entries(ownLabels(mapOf(Config, 'Labels')));
  return {
    hostname: hostname === Id.slice(0, 12) || isHosts ? undefined : hostname,
    domainname: textOf(Config, 'Domainname'),
    user: own('User'),
    working_dir: own('WorkingDir'),
    tty: Config['Tty'] === true || undefined,
    stdin_open: Config['OpenStdin'] === true || undefined,
    environment: textsOf(Config, 'Env').filter((variable) => !imageEnv.has(variable)),
    labels: {
      ...Object.fromEntries(labels.filter(([name, value]) => imageLabels[name] !== value)),
      ...backoffLabel((HostConfig['RestartPolicy'] ?? {}) as Fields),
    },
    stop_signal: own('StopSignal'),
    stop_grace_period:
      Config['StopTimeout'] === undefined ? undefined : `${numberOf(Config, 'StopTimeout')}s`,
    healthcheck: healthOf(Config, image),
  };
}

/** Compose has only docker's fields of a policy: the rest is a label of ours. */
function backoffLabel(policy: Fields): Record<string, string> {
  const ns = (key: string, name: string): string[] =>
    policy[name] === undefined ? [] : [`${key}=${numberOf(policy, name)}ns`];
  const plain = (key: string, name: string): string[] =>
    policy[name] === undefined ? [] : [`${key}=${numberOf(policy, name)}`];
  const parts = [
    ...[...ns('min', 'MinDelay'), ...ns('max', 'MaxDelay'), ...plain('multiplier', 'Multiplier')],
    ...[...ns('reset', 'ResetAfter'), ...plain('jitter', 'Jitter')],
  ];
  return parts.length === 0 ? {} : { 'wherry.restart-backoff': parts.join(',') };
}

/** HTTP and TCP are tests of ours, which compose takes as docker's client does not: it refuses none. */
function healthOf(Config: Fields, image: Fields): Fields | undefined {
  if (Config['Healthcheck'] === undefined || isImagesOwn(Config, image, 'Healthcheck')) return undefined;
  const check = Config['Healthcheck'] as Fields;
  const test = textsOf(check, 'Test');
  if (test[0] === 'NONE') return { disable: true };
  const duration = (name: string): string | undefined =>
    numberOf(check, name) === 0 ? undefined : `${numberOf(check, name) / 1e6}ms`;
  return withoutEmpty({
    test,
    interval: duration('Interval'),
    timeout: duration('Timeout'),
    start_period: duration('StartPeriod'),
    retries: numberOf(check, 'Retries') || undefined,
  });
}

function hostOf(host: Fields): Fields {
  const policy = (host['RestartPolicy'] ?? {}) as Fields;
  const most = numberOf(policy, 'MaximumRetryCount');
  const policyName = textOf(policy, 'Name');
  const log = (host['LogConfig'] ?? {}) as Fields;
  const isPlainLog = textOf(log, 'Type') === 'json-file' && Object.keys(mapOf(log, 'Config')).length === 0;
  const sharesHost = textOf(host, 'IpcMode') === 'host' || textOf(host, 'PidMode') === 'host';
  const isUnlabelled = host['Privileged'] === true || sharesHost;
  const shm = numberOf(host, 'ShmSize');
  const runtime = textOf(host, 'Runtime');
  return {
    restart: policyName === 'no' ? undefined : most > 0 ? `${policyName}:${most}` : policyName,
    privileged: host['Privileged'] === true || undefined,
    read_only: host['ReadonlyRootfs'] === true || undefined,
    init: typeof host['Init'] === 'boolean' ? host['Init'] : undefined,
    runtime: runtime === 'runc' ? undefined : runtime,
    userns_mode: textOf(host, 'UsernsMode'),
    cap_add: host['CapAdd'],
    cap_drop: host['CapDrop'],
    dns: host['Dns'],
    dns_opt: host['DnsOptions'],
    dns_search: host['DnsSearch'],
    extra_hosts: host['ExtraHosts'],
    group_add: host['GroupAdd'],
    security_opt: textsOf(host, 'SecurityOpt').filter((each) => !(isUnlabelled && each === 'label=disable')),
    shm_size: shm === DEFAULT_SHM_BYTES ? undefined : shm,
    sysctls: mapOf(host, 'Sysctls'),
    logging: isPlainLog ? undefined : withoutEmpty({ driver: log['Type'], options: log['Config'] }),
    devices: objectsOf(host, 'Devices').map((device) =>
      ['PathOnHost', 'PathInContainer', 'CgroupPermissions'].map((part) => textOf(device, part)).join(':'),
    ),
    device_cgroup_rules: host['DeviceCgroupRules'],
  };
}
