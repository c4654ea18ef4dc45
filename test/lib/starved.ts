import assert from 'node:assert/strict';
import type { Daemon } from './daemon.ts';
import { eventually, PATIENCE } from './process.ts';
import { rest } from './rest.ts';
import { tarball } from './tarball.ts';

const ANSWER_MS = 15_000 * PATIENCE;
/** What follows from a failure before. */
const FOLLOWS = /is not paused|No such (container|exec)/i;
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

/**
 * Asks a daemon that lacks something for each of its operations once, on the container `up` and on a new one; the answers that are
 * neither success nor what `told` expects. `n` makes names unique.
 */
export async function askStarved(daemon: Daemon, n: number, told: RegExp): Promise<readonly string[]> {
  const wrong: string[] = [];
  const note = async (call: Call): Promise<void> => {
    const answer = await answerTo(daemon, call);
    if (answer !== '' && !told.test(answer) && !FOLLOWS.test(answer))
      wrong.push(`${n}: ${call[0]} ${call[1]}: ${answer}`);
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

/** Everything works again, and when what was made is removed nothing is left. */
export async function checkFed(daemon: Daemon): Promise<void> {
  assert.ok(daemon.isAlive(), await daemon.log());
  // A worker that could not start is not asked again.
  const copied = await rest(daemon.socket, 'GET', { path: '/containers/up/archive?path=/etc' });
  assert.equal(copied.status, 200, copied.text);
  assert.equal(await daemon.dockerOk('run', '--rm', 'busybox', 'echo', 'fine'), 'fine');
  assert.equal(await daemon.dockerOk('exec', 'up', 'echo', 'fine'), 'fine');
  await daemon.dockerOk('network', 'create', 'again');
  await daemon.dockerOk('network', 'rm', 'again');
}

export async function removeStarved(daemon: Daemon, numbers: readonly number[]): Promise<void> {
  const names = (await daemon.dockerOk('ps', '-aq')).split('\n');
  await daemon.dockerOk('rm', '-f', ...names);
  await daemon.dockerOk('network', 'prune', '-f');
  await daemon.dockerOk('volume', 'prune', '-af');
  for (const n of numbers) await daemon.docker('rmi', `i${n}`);
  await eventually('nothing is left', async () => (await daemon.leftovers()).length === 0, 10_000).catch(
    async () => assert.deepEqual(await daemon.leftovers(), []),
  );
}
