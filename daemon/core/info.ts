import { readdir, readFile } from 'node:fs/promises';
import { availableParallelism, hostname, machine, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { limitIn } from '../../image/limit.ts';
import { defaultCgroupMode } from './containers/namespaces.ts';
import type { EngineInfo } from './contract.ts';
import type { Core } from './core.ts';
import { formatTime, realTimeNs } from './time.ts';

/** What `docker info` tells of the host; read once, but what changes. */
export async function openInfo(
  core: Core,
  dirs: { readonly dataRoot: string; readonly execRoot: string },
): Promise<() => EngineInfo> {
  const system = await readOsRelease();
  const startedAt = formatTime(realTimeNs());
  const openFiles = await openLast(countFiles);
  const forwards = await openLast(isForwarding);
  const sizeLimits = {
    containers: limitIn(join(dirs.dataRoot, 'snapshots')),
    volumes: limitIn(core.paths.volumes),
  };
  return () => ({
    id: core.config.id,
    name: hostname(),
    dataRoot: dirs.dataRoot,
    execRoot: dirs.execRoot,
    kernelVersion: release(),
    operatingSystem: system['PRETTY_NAME'] ?? 'Linux',
    osVersion: system['VERSION_ID'] ?? '',
    architecture: machine(),
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    cgroupVersion: core.host.cgroups.hierarchies.length > 0 ? '1' : '2',
    limits: core.host.limits,
    sizeLimits,
    ipv4Forwarding: forwards(),
    goroutines: core.background.count(),
    openFiles: openFiles(),
    eventsListeners: core.events.listeners(),
    startedAt,
    initBinary: core.config.initPath ?? 'docker-init',
    labels: core.config.labels,
    runtimes: core.config.runtimes,
    defaultRuntime: core.config.defaultRuntime,
    hasAppArmor: core.host.hasAppArmor,
    noNewPrivileges: core.config.noNewPrivileges,
    ownCgroupNamespace: defaultCgroupMode(core, false) === 'private',
  });
}

/** man 5 os-release. Empty when the host has none. */
async function readOsRelease(): Promise<Readonly<Record<string, string>>> {
  for (const path of ['/etc/os-release', '/usr/lib/os-release']) {
    const text = await readFile(path, 'utf8').catch(() => undefined);
    if (text !== undefined) return parseOsRelease(text);
  }
  return {};
}

function parseOsRelease(text: string): Record<string, string> {
  const lines = text.split('\n').map((line) => /^([A-Z_0-9]+)=(?:"(.*)"|'(.*)'|(.*))$/.exec(line));
  return Object.fromEntries(
    lines.flatMap((match) => (match === null ? [] : [[match[1], match[2] ?? match[3] ?? match[4] ?? '']])),
  ) as Record<string, string>;
}

/** What was true the last time that somebody asked, since asking must not wait. */
async function openLast<T>(find: () => Promise<T>): Promise<() => T> {
  let last: T = await find();
  return () => {
    void find().then(
      (now) => (last = now),
      () => {},
    );
    return last;
  };
}

const countFiles = async (): Promise<number> => (await readdir('/proc/self/fd')).length;

const isForwarding = async (): Promise<boolean> =>
  (await readFile('/proc/sys/net/ipv4/ip_forward', 'utf8')).trim() === '1';
