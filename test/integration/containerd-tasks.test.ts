import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { startTasks } from '../lib/ctr-tasks.ts';
import { requires } from '../lib/requires.ts';

/** A shell that ends with 7 when it is asked to. */
const OBEDIENT = ['/bin/sh', '-c', 'trap "exit 7" TERM; while :; do sleep 0.1; done'];

describe('tasks of ctr', requires('root', 'containerd', 'ctr', 'unshare', 'busybox'), () => {
  test('a container runs, prints and ends as with a real containerd', async (t) => {
    const { runs, run, daemon } = await startTasks(t);
    const sh = (flags: readonly string[], id: string, script: string) =>
      runs(['--rm', ...flags], id, '/bin/sh', '-c', `sleep 0.5; ${script}`);
    await sh([], 'one', 'echo out; echo err >&2; exit 3');
    await runs(['--rm'], 'two', '/bin/true');
    await runs(['--rm'], 'three', 'nosuch');
    await sh(['--env', 'A=b', '--cwd', '/tmp', '--user', '12:34'], 'four', 'pwd; echo $A; id');
    await sh(['--memory-limit', '50000000'], 'five', 'exit 9');
    await sh(['--null-io'], 'six', 'echo unseen; exit 1');
    await sh(['--runc-binary', '/usr/sbin/runc'], 'seven', 'echo by another runtime; exit 2');
    await run('tasks ls');
    await run('containers ls');
    assert.deepEqual(await daemon.leftovers(), []);
  });

  test('every command of a task says what a real containerd makes it say', async (t) => {
    const { runs, run, same, stopped, daemon } = await startTasks(t);
    await runs(['-d'], 'box', ...OBEDIENT);
    const exec = (id: string, ...command: string[]) =>
      same('tasks', 'exec', '--exec-id', id, 'box', ...command);
    // A real containerd loses the output of a process that is over before ctr has opened its FIFOs.
    const sh = (id: string, script: string) => exec(id, '/bin/sh', '-c', `sleep 0.5; ${script}`);
    await run('tasks ls');
    await sh('x', 'ls /');
    await sh('x', 'echo out; echo err >&2; exit 4');
    await exec('x', 'nosuch');
    await exec('../x', '/bin/true');
    for (const command of ['start', 'rm', 'pause']) await run(`tasks ${command} box`);
    await run('tasks ls');
    await run('tasks pause box');
    await exec('y', '/bin/true');
    await run('tasks resume box');
    await run('tasks resume box');
    await run('tasks kill --exec-id none box');
    await run('tasks kill -s TERM box');
    await stopped();
    for (const command of [
      'ls',
      'ps box',
      'kill box',
      'pause box',
      'metrics none',
      'start none',
      'kill none',
    ])
      await run(`tasks ${command}`);
    await exec('z', '/bin/true');
    await run('tasks rm box');
    await run('tasks rm box');
    await run('containers rm box');
    assert.deepEqual(await daemon.leftovers(), []);
  });

  test('all processes of a container are shown, counted and killed', async (t) => {
    const { ours, stopped, bench, daemon } = await startTasks(t);
    const script = 'trap "" TERM; sleep 1000 & sleep 1000 & wait; wait; sleep 1000';
    await ours('run', '-d', '--rootfs', bench.rootfs, 'many', '/bin/sh', '-c', script);
    const shown = await ours('tasks', 'ps', 'many');
    const rows = shown.stdout.split('\n').slice(1, -1);
    const pids = rows.map((line) => line.split(/\s/, 1)[0] ?? '');
    assert.equal(pids.length, 3);
    for (const pid of pids) assert.match(await readFile(`/proc/${pid}/cmdline`, 'utf8'), /sleep/);
    const metrics = await ours('tasks', 'metrics', '--format', 'json', 'many');
    const { pids: counted, memory, cpu } = JSON.parse(metrics.stdout) as Measured;
    assert.deepEqual(counted, { current: 3 });
    assert.ok(memory.usage.usage > 0);
    assert.ok(cpu.usage.total > 0);
    assert.equal((await ours('tasks', 'kill', '--all', '-s', 'KILL', 'many')).code, 0);
    await stopped();
    for (const pid of pids) await assert.rejects(readFile(`/proc/${pid}/cmdline`), { code: 'ENOENT' });
    assert.match((await ours('tasks', 'rm', 'many')).stderr, /exit code 137/);
    await ours('containers', 'rm', 'many');
    assert.deepEqual(await daemon.leftovers(), []);
  });
});

interface Measured {
  readonly pids: { readonly current: number };
  readonly memory: { readonly usage: { readonly usage: number } };
  readonly cpu: { readonly usage: { readonly total: number } };
}
