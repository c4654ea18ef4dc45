import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { startDaemon, type Daemon } from '../lib/daemon.ts';
import { eventually, execOk, PATIENCE } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';
import { rest } from '../lib/rest.ts';
import { tarball } from '../lib/tarball.ts';

/** Free descriptors of the daemon, while each operation is asked for once. */
const FREE = [0, 1, 2, 3, 4, 6, 9, 13];
const ANSWER_MS = 15_000 * PATIENCE;
/** What a client may be told: which call had no descriptor, or that nobody could take its connection. */
const TOLD = /EMFILE|too many open files|ended early|is not paused|No such (container|exec)/i;
const TURNED_AWAY = /ECONNRESET|EPIPE|socket hang up/;

type Call = readonly [method: string, path: string, body?: unknown];

const operations = (n: number): readonly Call[] => [
  ['GET', '/containers/json?all=1'],
  ['POST', `/containers/create?name=c${n}`, { Image: 'busybox', Cmd: ['true'] }],
  ['POST', `/containers/c${n}/start`],
  ['GET', '/containers/up/logs?stdout=1'],
  ['GET', '/containers/up/stats?stream=0&one-shot=1'],
  ['GET', '/containers/up/top'],
  ['POST', '/containers/up/pause'],
  ['POST', '/containers/up/unpause'],
  ['PUT', '/containers/up/archive?path=/', tarball([{ name: 'x', data: Buffer.from('x') }])],
  ['GET', '/containers/up/archive?path=/etc'],
  ['POST', '/containers/up/update', { PidsLimit: 100 }],
  ['POST', `/networks/create`, { Name: `n${n}` }],
  ['POST', '/volumes/create', { Name: `v${n}` }],
  ['GET', '/system/df'],
  ['POST', `/commit?container=up&repo=i${n}`],
  ['GET', '/images/busybox/get'],
  ['POST', `/containers/c${n}/stop?t=1`],
  ['DELETE', `/containers/c${n}?force=1`],
];

async function answerTo({ socket }: Daemon, [method, path, body]: Call): Promise<string> {
  const late = new Promise<string>((resolve) => setTimeout(resolve, ANSWER_MS, 'never answered').unref());
  const answered = rest(socket, method, body === undefined ? { path } : { path, body }).then(
    ({ status, text }) => (status < 400 ? '' : `${status} ${text}`),
    (error: Error) => (TURNED_AWAY.test(String(error)) ? '' : String(error)),
  );
  return Promise.race([answered, late]);
}

async function run(daemon: Daemon, n: number): Promise<readonly string[]> {
  const wrong: string[] = [];
  const note = async (call: Call): Promise<void> => {
    const told = await answerTo(daemon, call);
    if (told !== '' && !TOLD.test(told)) wrong.push(`${n}: ${call[0]} ${call[1]}: ${told}`);
  };
  for (const call of operations(n)) await note(call);
  const body = { Cmd: ['true'] };
  const made = await rest(daemon.socket, 'POST', { path: '/containers/up/exec', body }).catch(
    () => undefined,
  );
  if (made?.status === 201)
    await note(['POST', `/exec/${made.json<{ Id: string }>().Id}/start`, { Detach: true }]);
  return wrong;
}

test(
  'a daemon that has no descriptors left says so, whatever is asked, and goes on when it has',
  {
    ...requires('root', 'docker-client', 'busybox', 'nftables', 'overlay', 'unshare'),
    timeout: 280_000 * PATIENCE,
  },
  async (t) => {
    const daemon = await startDaemon(t);
    const limits = await readFile(`/proc/${daemon.pid}/limits`, 'utf8');
    const most = /^Max open files +(\d+)/m.exec(limits)?.[1] ?? '1024';
    const limit = (count: number | string): Promise<unknown> =>
      execOk(['prlimit', '--pid', String(daemon.pid), `--nofile=${count}:`]);
    await daemon.dockerOk('run', '-d', '--name', 'up', 'busybox', 'sleep', '1000');
    const wrong: string[] = [];
    for (const free of FREE) {
      await limit((await readdir(`/proc/${daemon.pid}/fd`)).length + free);
      wrong.push(...(await run(daemon, free)));
      await limit(most);
      assert.ok(daemon.isAlive(), await daemon.log());
      // A worker that had no descriptors for its start is not asked again.
      const copied = await rest(daemon.socket, 'GET', { path: '/containers/up/archive?path=/etc' });
      assert.equal(copied.status, 200, copied.text);
      assert.equal(await daemon.dockerOk('run', '--rm', 'busybox', 'echo', 'fine'), 'fine');
      assert.equal(await daemon.dockerOk('exec', 'up', 'echo', 'fine'), 'fine');
      await daemon.dockerOk('network', 'create', `again${free}`);
      await daemon.dockerOk('network', 'rm', `again${free}`);
    }
    assert.deepEqual(wrong, []);
    const names = (await daemon.dockerOk('ps', '-aq')).split('\n');
    await daemon.dockerOk('rm', '-f', ...names);
    await daemon.dockerOk('network', 'prune', '-f');
    await daemon.dockerOk('volume', 'prune', '-af');
    for (const free of FREE) await daemon.docker('rmi', `i${free}`);
    await eventually('nothing is left', async () => (await daemon.leftovers()).length === 0, 10_000).catch(
      async () => assert.deepEqual(await daemon.leftovers(), []),
    );
  },
);
