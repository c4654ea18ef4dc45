import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually, execOk } from '../lib/process.ts';
import { rest } from '../lib/rest.ts';
import { clients, daemonSuite } from '../lib/suite.ts';

interface Processes {
  readonly Titles: readonly string[];
  readonly Processes: readonly (readonly string[])[];
}

daemonSuite('top', (daemon) => {
  const isPeer = process.env['WHERRY_TEST_PEER'] === '1';
  const top = async (id: string, psArguments?: string): Promise<Processes> => {
    const query = psArguments === undefined ? '' : `?ps_args=${encodeURIComponent(psArguments)}`;
    const answer = await rest(daemon().socket, 'GET', { path: `/containers/${id}/top${query}` });
    assert.equal(answer.status, 200, answer.text);
    return answer.json<Processes>();
  };

  const run = async (): Promise<string> => {
    const id = await daemon().dockerOk('run', '-d', 'busybox', 'sh', '-c', 'sleep 1000 & sleep 2000 & wait');
    await eventually('both sleep', async () => {
      const { Processes } = await top(id, '-o pid,args');
      return Processes.filter(([, command]) => command?.startsWith('sleep')).length === 2;
    });
    return id;
  };

  /** What differs between two looks: time that went by. */
  const MOVING = new Set(['C', 'TIME', '%CPU', 'STAT', 'S', 'RSS', '%MEM', 'ELAPSED']);

  for (const psArguments of [
    '-ef',
    'aux',
    '-eo pid,ppid,user,comm,args',
    '-eo pid,etimes,nlwp,ni,tty,s,vsz',
  ]) {
    test(`${psArguments}: as the host's ps shows them`, async () => {
      const id = await run();
      const { Titles, Processes } = await top(id, psArguments);
      const pids = Processes.map((row) => row[Titles.indexOf('PID')]);
      assert.equal(pids.length, 3);
      const [heading = '', ...lines] = (await execOk(['ps', ...psArguments.split(' '), '-ww'])).split('\n');
      assert.deepEqual(Titles, heading.trim().split(/\s+/));
      const shown = lines
        .map((line) => cells(line, Titles.length))
        .filter((row) => pids.includes(row[Titles.indexOf('PID')]));
      const still = (rows: readonly (readonly string[])[]): (string | undefined)[][] =>
        rows.map((row) => Titles.map((title, index) => (MOVING.has(title) ? '' : row[index])));
      assert.deepEqual(still(Processes), still(shown));
    });
  }

  test('without arguments it is -ef; the event is there; refusals', async () => {
    const id = await run();
    assert.deepEqual((await top(id)).Titles, 'UID PID PPID C STIME TTY TIME CMD'.split(' '));
    const bad = await rest(daemon().socket, 'GET', { path: `/containers/${id}/top?ps_args=-o%20user` });
    assert.match(bad.text, /PID/);
    if (!isPeer) assert.equal(bad.status, 400);
    const odd = await rest(daemon().socket, 'GET', { path: `/containers/${id}/top?ps_args=--nosuch` });
    assert.match(odd.text, /nosuch|unknown/);
    await daemon().dockerOk('kill', id);
    const dead = await rest(daemon().socket, 'GET', { path: `/containers/${id}/top` });
    assert.equal(dead.status, 409);
    assert.match(dead.text, new RegExp(`ontainer ${id} is not running`));
    assert.equal((await rest(daemon().socket, 'GET', { path: '/containers/nosuch/top' })).status, 404);
  });

  for (const client of clients) {
    test(`${client} top`, async () => {
      const id = await run();
      const text = await daemon().runOk(client, 'top', id, '-o', 'pid,comm');
      assert.match(text, /^PID {17}COMMAND\n\d+ +sh\n\d+ +sleep\n\d+ +sleep$/);
      assert.match(await daemon().runOk(client, 'container', 'top', id), /sleep 1000\n.*sleep 2000$/);
    });
  }
});

/** The last column may hold blanks. */
function cells(line: string, count: number): string[] {
  const words = line.trim().split(/\s+/);
  return [...words.slice(0, count - 1), words.slice(count - 1).join(' ')];
}
