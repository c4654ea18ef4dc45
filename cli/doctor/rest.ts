import type { Daemon } from '../http/daemon.ts';
import { containerPath } from '../commands/each.ts';
import { codeOf, messageOf } from '../../common/errors.ts';
import { isStopped, processOf } from '../kernel-process.ts';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Layer, Roots } from './contract.ts';

interface Inspected {
  readonly Id: string;
  readonly State: {
    readonly Status: string;
    readonly Running: boolean;
    readonly Paused: boolean;
    readonly Pid: number;
    readonly ExitCode: number;
  };
}

/** Docker's API, as `docker inspect` asks it. */
export const restLayer = (
  daemon: Daemon,
  name: string,
  { roots, host }: { roots: Roots; host: string },
): Layer => ({
  name: 'REST',
  ask: async () => {
    try {
      const answer = await daemon.send({ method: 'GET', path: containerPath(name, '/json') });
      const { Id, State } = JSON.parse(await answer.text()) as Inspected;
      return {
        kind: 'said',
        said: {
          alive: State.Running,
          paused: State.Paused,
          ...(State.Running ? { pid: State.Pid } : { exitCode: State.ExitCode }),
          ...{ id: Id, word: State.Status, facts: [], faults: [] },
        },
      };
    } catch (error) {
      if (codeOf(error) === 'not-found') return { kind: 'unknown', text: messageOf(error) };
      return {
        kind: 'down',
        text: [messageOf(error), daemonState(roots)].filter((text) => text !== '').join('; '),
      };
    }
  },
  whySilent: () => daemonState(roots),
  byHand: ({ id }) => {
    const target = host.startsWith('unix://')
      ? `--unix-socket ${host.slice(7)} http://localhost`
      : host.replace('tcp', 'http');
    return [`curl -s ${target}/containers/${id}/json`];
  },
});

/** What the kernel says of the daemon's process. */
export function daemonState({ execRoot }: Pick<Roots, 'execRoot'>): string {
  const path = join(execRoot, 'wherryd.pid');
  try {
    const pid = Number(readFileSync(path, 'utf8'));
    const found = processOf(pid);
    if (found === undefined) return `the daemon's process ${pid} is gone (${path})`;
    if (isStopped(found)) return `the daemon's process ${pid} is stopped: kill -CONT ${pid}`;
    return `the daemon's process ${pid} is in state ${found.state}`;
  } catch {
    return `there is no ${path}: no daemon runs in ${execRoot}`;
  }
}
