import assert from 'node:assert/strict';
import { closeSync, constants, openSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { projectOf, projectUsage } from '../../native/sys/project-quota.ts';
import type { Daemon } from './daemon.ts';
import { eventually } from './process.ts';
import { rest } from './rest.ts';

export const MIB = 2 ** 20;
/** ext4 has an error of its own for it. */
const FULL = /No space left on device|Disk quota exceeded/;
const fillTo = (directory: string): string =>
  `cd ${directory}; dd if=/dev/zero of=f bs=64k 2>&1; df -k . | tail -n 1; wc -c < f`;
const lastNumber = (told: string): number => Number(told.trim().split('\n').at(-1));

/** The project of a directory, and what its file system has of a project. */
export const projectAt = (path: string): number => withOpen(path, projectOf);
export const usageAt = (path: string, project: number): ReturnType<typeof projectUsage> =>
  withOpen(path, (fd) => projectUsage(fd, project));

function withOpen<T>(path: string, act: (fd: number) => T): T {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return act(fd);
  } finally {
    closeSync(fd);
  }
}

/** A daemon whose data root has projects. All of it over REST: emulated, a client takes seconds to start. */
export interface Quotas {
  /** The text of the answer; throws when it is refused. */
  readonly call: (method: string, path: string, body?: object) => Promise<string>;
  readonly makeVolume: (name: string, size: string) => Promise<string>;
  readonly createContainer: (script: string, host: object) => Promise<string>;
  readonly volumeProject: (name: string) => number;
  /** Of the only container's root. */
  readonly rootProject: () => Promise<number>;
  readonly limitOf: (project: number) => number | undefined;
  readonly gone: (project: number) => Promise<unknown>;
}

export function quotasOf(daemon: () => Daemon): Quotas {
  const call: Quotas['call'] = async (method, path, body) => {
    const answer = await rest(daemon().socket, method, { path, body });
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${answer.text}`);
    return answer.text;
  };
  return {
    call,
    makeVolume: (Name, size) => call('POST', '/volumes/create', { Name, DriverOpts: { size } }),
    createContainer: async (script, HostConfig) => {
      const body = { Image: 'busybox', Tty: true, Cmd: ['sh', '-c', script], HostConfig };
      return (JSON.parse(await call('POST', '/containers/create', body)) as { Id: string }).Id;
    },
    volumeProject: (name) => projectAt(join(daemon().dataRoot, 'volumes', name)),
    rootProject: async () => {
      const [directory = '', ...others] = await readdir(join(daemon().dataRoot, 'snapshots/w'));
      assert.deepEqual(others, []);
      return projectAt(join(daemon().dataRoot, 'snapshots/w', directory));
    },
    limitOf: (project) => usageAt(daemon().dataRoot, project)?.limitBytes,
    gone: (project) =>
      eventually(`project ${project} is free`, () => usageAt(daemon().dataRoot, project) === undefined),
  };
}

/** What a container printed until it ended. */
async function ran({ call }: Quotas, id: string): Promise<string> {
  await call('POST', `/containers/${id}/start`);
  await call('POST', `/containers/${id}/wait`);
  return (await call('GET', `/containers/${id}/logs?stdout=1`)).replaceAll('\r', '');
}

/** Tests of a suite whose daemon has its data root on a file system with projects. */
export function quotaStories(daemon: () => Daemon): void {
  const quotas = quotasOf(daemon);
  const { call, makeVolume, createContainer, volumeProject, rootProject, limitOf, gone } = quotas;
  const run = async (script: string, host: object): Promise<string> => {
    const id = await createContainer(script, host);
    const told = await ran(quotas, id);
    await call('DELETE', `/containers/${id}`);
    return told;
  };

  test('a volume holds what it may, says so, and its project is free when it is gone', async () => {
    await makeVolume('small', '10m');
    await makeVolume('other', '20MB');
    await makeVolume('any', '0');
    const [small, other] = [volumeProject('small'), volumeProject('other')];
    assert.notEqual(small, other);
    assert.equal(volumeProject('any'), 0);
    const told = await run(fillTo('/v'), { Binds: ['small:/v'] });
    assert.match(told, FULL);
    assert.ok(lastNumber(told) > 9 * MIB && lastNumber(told) <= 10 * MIB, told);
    assert.equal(/ (\d+) +\d+ +\d+ +\d+% \/v$/m.exec(told)?.[1], '10240');
    const { Volumes } = JSON.parse(await call('GET', '/system/df?type=volume')) as {
      Volumes: { Name: string; Options: object; UsageData: { Size: number } }[];
    };
    const shown = Volumes.find(({ Name }) => Name === 'small');
    assert.deepEqual(shown?.Options, { size: '10m' });
    assert.ok(shown.UsageData.Size > 9 * MIB && shown.UsageData.Size <= 10 * MIB);
    await run('echo x > /etc/new', { Binds: ['other:/etc'] });
    const inodes = usageAt(daemon().dataRoot, other)?.inodes ?? 0;
    assert.ok(inodes > 3, `what came from the image counts: ${inodes}`);
    await call('POST', '/wherry/volumes/small/copy?to=copy');
    const copy = volumeProject('copy');
    assert.deepEqual([copy === small, limitOf(copy)], [false, 10 * MIB]);
    for (const name of ['small', 'other', 'any', 'copy']) await call('DELETE', `/volumes/${name}`);
    for (const project of [small, other, copy]) await gone(project);
  });

  test('a container writes to its root what it may, and its project is free when it is gone', async () => {
    const id = await createContainer(fillTo('/root'), { StorageOpt: { size: '8M' } });
    const project = await rootProject();
    assert.equal(limitOf(project), 8 * MIB);
    const told = await ran(quotas, id);
    assert.match(told, FULL);
    assert.ok(lastNumber(told) > 7 * MIB && lastNumber(told) <= 8 * MIB, told);
    await call('DELETE', `/containers/${id}`);
    await gone(project);
    const unused = await createContainer('true', { StorageOpt: { size: '8M' } });
    const next = await rootProject();
    assert.equal(limitOf(next), 8 * MIB);
    await call('DELETE', `/containers/${unused}`);
    await gone(next);
  });
}
