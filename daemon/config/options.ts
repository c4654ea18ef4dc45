/**
 * Every option of dockerd: its key in daemon.json, its flag, and how far we are with it. What docker has and we don't do is
 * refused by name, unless the value asks for nothing (`accepts`).
 */
export type Value = string | number | boolean | readonly string[] | Readonly<Record<string, unknown>>;

export interface Option {
  /** In daemon.json. */
  readonly key: string;
  /** Without dashes; the key unless given. Undefined flag: file only. */
  readonly flag?: string;
  readonly short?: string;
  readonly kind: 'string' | 'boolean' | 'integer' | 'list' | 'map';
  readonly help: string;
  /** Values that do nothing we lack; without it every value works. */
  readonly accepts?: (value: Value) => boolean;
  /** Said at the start of an option that is taken and changes nothing: why not; undefined of a value that is so anyway. */
  readonly ignored?: (value: Value) => string | undefined;
}

const anything = (): boolean => true;
const only =
  (...values: readonly Value[]) =>
  (value: Value): boolean =>
    values.includes(value);
const none = (value: Value): boolean =>
  value === '' || value === 0 || (typeof value === 'object' && Object.keys(value).length === 0);

const because =
  (reason: string, ...plain: readonly Value[]) =>
  (value: Value): string | undefined =>
    none(value) || plain.includes(value) ? undefined : reason;

const harmless = (key: string, kind: Option['kind'], ignored: Option['ignored']): Option => ({
  ...{ key, kind, help: "Accepted for docker's sake", accepts: anything },
  ...(key === 'features' ? { flag: 'feature' } : {}),
  ...(ignored === undefined ? {} : { ignored }),
});

/** What works. */
const OURS: readonly Option[] = [
  { key: 'hosts', flag: 'host', short: 'H', kind: 'list', help: 'Daemon socket(s) to listen on' },
  { key: 'data-root', kind: 'string', help: 'Root directory of persistent state' },
  { key: 'exec-root', kind: 'string', help: 'Root directory of run-time state' },
  { key: 'pidfile', short: 'p', kind: 'string', help: "Path of the file with the daemon's process id" },
  {
    key: 'plugin-dir',
    kind: 'string',
    help: "Directory of volume plugins' sockets and specifications, in place of docker's",
  },
  {
    key: 'cni-plugin-dirs',
    flag: 'cni-plugin-dir',
    kind: 'list',
    help: 'Directories of CNI plugins (default /opt/cni/bin, /usr/lib/cni, /usr/libexec/cni)',
  },
  {
    key: 'cni-conf-dirs',
    flag: 'cni-conf-dir',
    kind: 'list',
    help: 'Directories of CNI network lists that are asked for by name (default /etc/cni/net.d)',
  },
  {
    key: 'cni-timeout',
    kind: 'integer',
    help: 'Seconds that a CNI plugin may take for one call (default 30)',
  },
  { key: 'group', short: 'G', kind: 'string', help: 'Group that owns the unix sockets' },
  {
    key: 'tls',
    kind: 'boolean',
    help: 'Serve TCP with TLS; --tls=false: without, to everybody who reaches it',
  },
  { key: 'tlsverify', kind: 'boolean', help: 'Serve TCP to clients whose certificate the CA has signed' },
  { key: 'tlscacert', kind: 'string', help: 'CA of the clients (default ~/.docker/ca.pem)' },
  { key: 'tlscert', kind: 'string', help: "The daemon's certificate (default ~/.docker/cert.pem)" },
  { key: 'tlskey', kind: 'string', help: 'Its key (default ~/.docker/key.pem)' },
  {
    key: 'metrics-addr',
    kind: 'string',
    help: 'address:port that serves metrics for prometheus, to everybody',
  },
  { key: 'debug', short: 'D', kind: 'boolean', help: 'Log what only helps to find faults' },
  { key: 'log-level', short: 'l', kind: 'string', help: 'debug, info, warn, error or fatal' },
  { key: 'log-format', kind: 'string', help: 'text or json' },
  { key: 'bridge', short: 'b', kind: 'string', help: "Name of the default network's bridge" },
  { key: 'bip', kind: 'string', help: 'Address of the default bridge, such as 172.17.0.1/16' },
  { key: 'mtu', kind: 'integer', help: 'MTU of the default network' },
  { key: 'icc', kind: 'boolean', help: 'Let containers on the default network reach one another' },
  { key: 'iptables', kind: 'boolean', help: 'Make firewall rules' },
  {
    key: 'firewall',
    kind: 'string',
    help: "docker, or respect-host: published ports are subject to the host's own input policy",
  },
  { key: 'ip', kind: 'string', help: 'Where the default network publishes ports that name no address' },
  { key: 'ip-forward', kind: 'boolean', help: 'Switch IP forwarding on' },
  { key: 'ip-masq', kind: 'boolean', help: 'Masquerade the default network' },
  { key: 'dns', kind: 'list', help: 'DNS server(s) of containers' },
  { key: 'dns-search', kind: 'list', help: 'DNS search domain(s) of containers' },
  { key: 'dns-opts', flag: 'dns-opt', kind: 'list', help: 'DNS options of containers' },
  {
    key: 'host-gateway-ips',
    flag: 'host-gateway-ip',
    kind: 'list',
    help: 'What host-gateway stands for in --add-host',
  },
  {
    key: 'default-ulimits',
    flag: 'default-ulimit',
    kind: 'map',
    help: 'Default limits of containers, name=soft[:hard]',
  },
  { key: 'default-shm-size', kind: 'string', help: 'Default size of /dev/shm in containers' },
  {
    key: 'cdi-spec-dirs',
    flag: 'cdi-spec-dir',
    kind: 'list',
    help: 'Directories that describe devices (CDI); the last wins',
  },
  { key: 'default-ipc-mode', kind: 'string', help: 'IPC mode of containers: private or shareable' },
  {
    key: 'default-cgroupns-mode',
    kind: 'string',
    help: 'Cgroup namespace of containers: private, or host (the default with version 1 of cgroups)',
  },
  {
    key: 'log-driver',
    kind: 'string',
    help: 'Default log driver of containers',
  },
  { key: 'log-opts', flag: 'log-opt', kind: 'map', help: 'Default log options of containers, name=value' },
  { key: 'labels', flag: 'label', kind: 'list', help: 'Labels of the daemon, name=value' },
  { key: 'runtimes', flag: 'add-runtime', kind: 'map', help: 'Another OCI runtime, name=path' },
  {
    key: 'default-runtime',
    kind: 'string',
    help: 'Runtime of containers that name none (default runc: our own)',
  },
  { key: 'cgroup-parent', kind: 'string', help: "Cgroup that holds all containers' cgroups" },
  { key: 'no-new-privileges', kind: 'boolean', help: 'Set no-new-privileges for every container' },
  { key: 'init', kind: 'boolean', help: 'Give containers a first process that reaps and forwards signals' },
  {
    key: 'shutdown-containers',
    kind: 'boolean',
    help: 'Stop containers at SIGTERM, in the reverse order of their dependencies',
  },
  { key: 'init-path', kind: 'string', help: "Path of that program, in place of Wherry's own" },
  { key: 'seccomp-profile', kind: 'string', help: 'builtin, unconfined, or the path of a profile' },
  {
    key: 'image-gc-high',
    kind: 'integer',
    help: 'Remove unused images when the disk is fuller than this percentage',
  },
  { key: 'image-gc-low', kind: 'integer', help: 'Remove them until it is below this percentage' },
  {
    key: 'image-max-ratio',
    kind: 'integer',
    help: 'How many times its compressed size a layer above 8 GB may unpack to; 0 for any',
  },
  {
    key: 'image-reserve',
    kind: 'string',
    help: 'Free space that unpacking leaves, at most a fiftieth of the disk; 1g unless told, 0 for none',
  },
  {
    key: 'image-drop-blobs',
    kind: 'boolean',
    help: 'Do not keep compressed layers that can be made again, byte by byte, from unpacked ones',
  },
  {
    key: 'storage-timeout',
    kind: 'integer',
    help: 'Seconds after which storage that does not answer fails what waits for it',
  },
  {
    key: 'registry-mirrors',
    flag: 'registry-mirror',
    kind: 'list',
    help: 'Mirror(s) of docker.io; those of other registries: /etc/wherry/registry.d/HOST.json',
  },
  {
    key: 'insecure-registries',
    flag: 'insecure-registry',
    kind: 'list',
    help: 'Registries, or networks of them, that need no TLS or no valid one',
  },
  { key: 'max-concurrent-downloads', kind: 'integer', help: 'Layers that are fetched at a time' },
  { key: 'max-concurrent-uploads', kind: 'integer', help: 'Layers that are sent at a time' },
  {
    key: 'max-download-attempts',
    kind: 'integer',
    help: 'Tries of a request, and of a layer between two bytes',
  },
  { key: 'storage-driver', short: 's', kind: 'string', help: 'Only overlay2', accepts: only('overlay2', '') },
];

/** What has no effect here and does no harm: tuning of docker's own parts, or another way to say what is so anyway. */
const HARMLESS: readonly Option[] = [
  harmless('shutdown-timeout', 'integer', because('containers outlive the daemon', 15)),
  harmless('userland-proxy', 'boolean', because('published ports need no proxy', false)),
  harmless('raw-logs', 'boolean', () => undefined),
  harmless('ip6tables', 'boolean', because('the option iptables stands for both families', true)),
  harmless('ip-forward-no-drop', 'boolean', because('the policy of FORWARD is left alone', true)),
  ...['containerd', 'containerd-namespace', 'containerd-plugins-namespace'].map((key) =>
    harmless(key, 'string', because('there is no containerd below this daemon')),
  ),
  harmless('userland-proxy-path', 'string', because('published ports need no proxy')),
  harmless('features', 'map', because('they are only shown')),
  harmless('builder', 'map', because('there is no builder')),
  harmless('network-control-plane-mtu', 'integer', because('there is no swarm')),
  {
    ...harmless('firewall-backend', 'string', () => undefined),
    help: 'Only nftables',
    accepts: only('nftables', ''),
  },
  {
    ...harmless('min-api-version', 'string', () => undefined),
    help: 'Only 1.24',
    accepts: only('1.24', ''),
  },
  { key: 'live-restore', kind: 'boolean', help: 'Containers always outlive the daemon', accepts: only(true) },
  { key: 'experimental', kind: 'boolean', help: 'Only false', accepts: only(false) },
  {
    key: 'exec-opts',
    flag: 'exec-opt',
    kind: 'list',
    help: 'Only native.cgroupdriver=cgroupfs',
    accepts: (value) =>
      Array.isArray(value) && value.every((option) => option === 'native.cgroupdriver=cgroupfs'),
  },
];

/** What docker has and we don't do yet. */
const NOT_YET: readonly Option[] = [
  ...['ipv6', 'selinux-enabled', 'rootless', 'cri-containerd', 'allow-direct-routing'].map(
    (key) => ({ key, kind: 'boolean', help: 'Not supported yet', accepts: only(false) }) as const,
  ),
  ...[
    'api-cors-header',
    'bip6',
    'default-gateway',
    'default-gateway-v6',
    'fixed-cidr',
    'fixed-cidr-v6',
    'http-proxy',
    'https-proxy',
    'no-proxy',
    'resolv-conf',
    'swarm-default-advertise-addr',
    'userns-remap',
  ].map((key) => ({ key, kind: 'string', help: 'Not supported yet', accepts: none }) as const),
  ...['cpu-rt-period', 'cpu-rt-runtime', 'network-diagnostic-port'].map(
    (key) => ({ key, kind: 'integer', help: 'Not supported yet', accepts: none }) as const,
  ),
  {
    key: 'authorization-plugins',
    flag: 'authorization-plugin',
    kind: 'list',
    help: 'Not supported yet',
    accepts: none,
  },
  {
    key: 'default-address-pools',
    flag: 'default-address-pool',
    kind: 'list',
    help: 'Where subnets of networks come from (base=10.0.0.0/8,size=24)',
  },
  {
    key: 'default-network-opts',
    flag: 'default-network-opt',
    kind: 'map',
    help: 'Not supported yet',
    accepts: none,
  },
  {
    key: 'node-generic-resources',
    flag: 'node-generic-resource',
    kind: 'list',
    help: 'Not supported yet',
    accepts: none,
  },
  { key: 'proxies', kind: 'map', help: 'Not supported yet', accepts: none },
  { key: 'storage-opts', flag: 'storage-opt', kind: 'list', help: 'Not supported yet', accepts: none },
];

export const OPTIONS: readonly Option[] = [...OURS, ...HARMLESS, ...NOT_YET];

/** For the help text. */
export const OUR_OPTIONS: readonly Option[] = OURS;

export const flagOf = (option: Option): string => option.flag ?? option.key;
