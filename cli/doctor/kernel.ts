import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { isStopped, isZombie, processOf } from '../kernel-process.ts';
import type { Answer, Found, Layer } from './contract.ts';

const CGROUPS = '/sys/fs/cgroup';

/** /proc, cgroups, namespaces and mounts of the process that the other layers name. Nobody has to answer for this. */
export const kernelLayer = (found: Found): Layer => ({
  name: 'kernel',
  ask: async () => ask(found),
  whySilent: () => 'a file of /proc or of a cgroup hangs',
  byHand: ({ pid }) =>
    pid === undefined
      ? []
      : [
          `cat /proc/${pid}/status /proc/${pid}/cgroup`,
          `ls -l /proc/${pid}/ns`,
          `cat /proc/${pid}/mountinfo`,
          `nsenter --all --target ${pid} ps`,
        ],
});

function ask({ id, pid }: Found): Answer {
  if (pid === undefined)
    return { kind: 'said', said: { alive: false, word: 'no process', facts: [], faults: [] } };
  const process = processOf(pid);
  if (process === undefined || isZombie(process)) {
    const word = process === undefined ? 'no process' : process.state;
    return { kind: 'said', said: { alive: false, word, facts: [`process ${pid} has ended`], faults: [] } };
  }
  const cgroups = cgroupsOf(pid);
  const frozen = cgroups.some(({ directory }) => isFrozen(directory));
  const faults = [
    ...(isStopped(process) ? [`process ${pid} is stopped by a signal: kill -CONT ${pid}`] : []),
    ...cgroupFaults(id, cgroups),
    ...namespaceFaults(pid),
    ...mountFaults(pid),
  ];
  const facts = [
    `state ${process.state}`,
    `parent ${process.parent}`,
    `cgroup ${cgroups[0]?.path ?? 'none'}`,
  ];
  return {
    kind: 'said',
    said: { alive: true, paused: frozen, pid, word: frozen ? 'frozen' : process.state, facts, faults },
  };
}

interface Cgroup {
  readonly controllers: string;
  /** As the process sees it in the host's hierarchy. */
  readonly path: string;
  readonly directory: string;
}

/** man 7 cgroups, /proc/pid/cgroup: `hierarchy:controllers:path`. */
function cgroupsOf(pid: number): Cgroup[] {
  return readFileSync(`/proc/${pid}/cgroup`, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [, controllers = '', path = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
      const mounted = controllers === '' ? unifiedRoot() : join(CGROUPS, controllers.replace(/^name=/, ''));
      return { controllers, path, directory: join(mounted, path) };
    })
    .filter(({ directory, path }) => path !== '/' || existsSync(directory));
}

const unifiedRoot = (): string =>
  existsSync(join(CGROUPS, 'cgroup.controllers')) ? CGROUPS : join(CGROUPS, 'unified');

function isFrozen(directory: string): boolean {
  const first = (name: string): string => {
    try {
      return readFileSync(join(directory, name), 'utf8').trim();
    } catch {
      return '';
    }
  };
  return (
    ['FROZEN', 'FREEZING'].includes(first('freezer.state')) || /^frozen 1$/m.test(first('cgroup.events'))
  );
}

/** Hierarchies in which the process stands outside of its container's cgroup: limits don't reach it there. */
function cgroupFaults(id: string, cgroups: readonly Cgroup[]): string[] {
  const own = cgroups.filter(({ path }) => path.includes(id));
  const common = own[0]?.path;
  if (common === undefined)
    return ['the process is in no cgroup that bears the id: none of its limits holds'];
  return cgroups
    .filter(
      ({ path, directory, controllers }) =>
        LIMITED.test(controllers) && (path !== common || !existsSync(directory)),
    )
    .map(({ controllers, path, directory }) =>
      path === common
        ? `the cgroup ${directory} is not there`
        : `the process is in ${path} of ${controllers}, and not in ${common}: limits don't reach it`,
    );
}

/** Hierarchies that a container's limits are in. */
const LIMITED = /memory|cpu|pids|freezer|devices|^$/;

/** A container's own process shares no mounts with the host. */
function namespaceFaults(pid: number): string[] {
  try {
    return readlinkSync(`/proc/${pid}/ns/mnt`) === readlinkSync('/proc/1/ns/mnt')
      ? ["the process is in the host's mount namespace"]
      : [];
  } catch {
    return [];
  }
}

function mountFaults(pid: number): string[] {
  try {
    const mounts = readFileSync(`/proc/${pid}/mountinfo`, 'utf8').split('\n');
    return mounts.some((line) => line.split(' ')[4] === '/') ? [] : ['nothing is mounted at its root'];
  } catch {
    return [];
  }
}
