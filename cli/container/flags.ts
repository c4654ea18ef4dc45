import { bool, int, list, text, value } from '../../common/flags/flag.ts';
import { parseBytes } from '../../common/sizes.ts';
import { parseCpus } from '../flags/sizes.ts';
import { checkVariable } from './environment.ts';
import { healthFlags } from './health.ts';
import { limitFlags } from './limit-flags.ts';
import { type Mount, parseMount } from './mounts.ts';
import * as values from './values.ts';

const bytes = (help: string, looks: { short?: string } = {}) =>
  value<number | undefined>({ ...looks, type: 'bytes', help, initial: undefined, read: parseBytes });

const many = <T>(type: string, help: string, parse: (text: string) => T) =>
  value<readonly T[]>({ type, help, initial: [], read: (text, before) => [...before, parse(text)] });

const identity = {
  after: list('Start after another container is so (NAME:started|healthy|completed)'),
  'after-timeout': text('How long a start waits for others (default 60s)'),
  attach: list('Attach to STDIN, STDOUT or STDERR', { short: 'a', check: values.checkStream }),
  cidfile: text('Write the container ID to this file'),
  domainname: text('NIS domain name of the container'),
  entrypoint: value<string | undefined>({
    type: 'string',
    help: 'Run this instead of the entry point of the image',
    initial: undefined,
    read: (given) => given,
  }),
  env: list('Set environment variables', { short: 'e', check: checkVariable }),
  'env-file': list('Read environment variables from a file'),
  'group-add': list('Additional groups of the process'),
  hostname: text('Host name of the container', { short: 'h' }),
  interactive: bool('Keep STDIN open even if not attached', { short: 'i' }),
  label: list('Set metadata on the container', { short: 'l', check: values.checkLabel }),
  'label-file': list('Read labels from a file, one on each line'),
  name: text('Name of the container'),
  platform: text('Platform of the image (os/arch)'),
  pull: text('Pull the image before running ("always", "missing", "never")', {
    initial: 'missing',
    shown: '"missing"',
  }),
  quiet: bool('Do not print the progress of a pull', { short: 'q' }),
  restart: text('When to start again after the container exits', { initial: 'no', shown: '"no"' }),
  'restart-backoff': text('Pauses between restarts (min=100ms,max=1m,multiplier=2,reset=10s,jitter=0.1)'),
  rm: bool('Remove the container and its anonymous volumes when it exits'),
  'stop-signal': text('Signal that stops the container'),
  'stop-timeout': int('Seconds between the stop signal and SIGKILL'),
  tty: bool('Allocate a pseudo-TTY', { short: 't' }),
  user: text('User name or ID (format: <name|uid>[:<group|gid>])', { short: 'u' }),
  workdir: text('Working directory inside the container', { short: 'w' }),
};

const storage = {
  device: list('Add a device of the host to the container'),
  'device-cgroup-rule': list('Add a rule to the list of allowed devices'),
  'log-driver': text('Logging driver of the container'),
  'log-opt': list('Options of the logging driver'),
  mount: many<Mount>('mount', 'Attach a file system to the container', parseMount),
  'read-only': bool("Mount the container's root file system read-only"),
  'shm-size': bytes('Size of /dev/shm'),
  tmpfs: list('Mount a tmpfs at a directory'),
  volume: list('Bind mount a directory or a volume', { short: 'v' }),
  'volume-driver': text('Volume driver of volumes that are made for the container'),
  'volumes-from': list('Mount the volumes of other containers'),
};

const network = {
  'add-host': list('Add a mapping from host name to address (host:ip)', { check: values.checkExtraHost }),
  dns: list('DNS servers of the container', { check: values.checkAddress }),
  'dns-option': list('DNS options', { also: ['dns-opt'] }),
  'dns-search': list('DNS search domains'),
  ip: text('IPv4 address'),
  ip6: text('IPv6 address'),
  link: list('Give another container a further name'),
  'link-local-ip': list('A link-local address'),
  'mac-address': text('MAC address'),
  egress: list('Destinations that may be reached: ADDRESS[/PREFIX][:PORT[-PORT]][/PROTOCOL], dns or none'),
  network: list('Connect the container to a network', { type: 'network', also: ['net'] }),
  'network-alias': list('A further name of the container in the network', { also: ['net-alias'] }),
};

const resources = {
  'blkio-weight': { ...int('Block IO weight (10 to 1000, 0 turns it off)', { shown: '0' }), type: 'uint16' },
  'cgroup-parent': text('Parent cgroup of the container'),
  'cpu-period': int('Length of a CPU period in microseconds'),
  'cpu-quota': int('CPU time in each period in microseconds'),
  'cpu-shares': int('CPU shares (relative weight)', { short: 'c' }),
  cpus: value<number | undefined>({
    type: 'decimal',
    help: 'Number of CPUs',
    initial: undefined,
    read: parseCpus,
  }),
  'cpuset-cpus': text('CPUs to run on (0-3, 0,1)'),
  'cpuset-mems': text('Memory nodes to allocate from (0-3, 0,1)'),
  memory: bytes('Memory limit', { short: 'm' }),
  'memory-reservation': bytes('Memory soft limit'),
  'memory-swap': value<number | undefined>({
    type: 'bytes',
    help: "Limit of memory and swap together: '-1' is unlimited swap",
    initial: undefined,
    read: (given) => (given === '-1' ? -1 : parseBytes(given)),
  }),
  'memory-swappiness': int('How readily memory is swapped out (0 to 100)', { shown: '-1' }),
  'oom-kill-disable': bool('Turn the OOM killer off'),
  'oom-score-adj': int("Adjust the OOM killer's score (-1000 to 1000)"),
  'pids-limit': int('Limit of processes (-1 is unlimited)'),
  ulimit: { ...many('ulimit', 'Resource limits of the process', values.parseUlimit), shown: '[]' },
};

const isolation = {
  annotation: list('Add an annotation, handed to the OCI runtime', { type: 'map', shown: 'map[]' }),
  'cap-add': list('Add Linux capabilities'),
  'cap-drop': list('Drop Linux capabilities'),
  cgroupns: text('Cgroup namespace (host|private)'),
  init: bool('Run an init inside the container that forwards signals and reaps processes'),
  ipc: text('IPC mode'),
  pid: text('PID namespace'),
  privileged: bool('Give the container all privileges of the host'),
  runtime: text('Runtime of the container'),
  'security-opt': list('Security options'),
  sysctl: list('Kernel parameters of the container', {
    type: 'map',
    shown: 'map[]',
    check: values.checkSysctl,
  }),
  userns: text('User namespace'),
  uts: text('UTS namespace'),
};

const ports = {
  expose: list('Expose a port or a range of ports'),
  publish: list("Publish ports of the container to the host ('[IP:]HOST:CONTAINER[/PROTOCOL]')", {
    short: 'p',
  }),
  'publish-all': bool('Publish all exposed ports to random ports', { short: 'P' }),
};

/** The flags that `run` and `create` share. */
export const createFlags = {
  ...identity,
  ...storage,
  ...network,
  ...resources,
  ...isolation,
  ...limitFlags,
  ...healthFlags,
  ...ports,
};

export type CreateFlags = typeof createFlags;
