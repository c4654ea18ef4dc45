import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { busyboxArchive } from '../lib/busybox.ts';
import { startTasks, type TasksBeside } from '../lib/ctr-tasks.ts';
import { eventually } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';

const IMAGE = 'docker.io/library/busybox:latest';

/** Both have imported busybox. */
async function startWithImage(t: TestContext): Promise<TasksBeside> {
  const tasks = await startTasks(t);
  const archive = join(tasks.bench.directory, 'busybox.tar');
  await writeFile(archive, await busyboxArchive());
  await tasks.run(`images import ${archive}`);
  return tasks;
}

/** `ctr run IMAGE`: the snapshot's mounts come with Tasks.Create, and are the root. */
describe(
  "containers of ctr's own images",
  requires('root', 'containerd', 'ctr', 'unshare', 'busybox'),
  () => {
    test('an image runs, prints and ends as with a real containerd', async (t) => {
      const tasks = await startWithImage(t);
      const { run, same, daemon } = tasks;
      await daemon.mark();
      for (const command of [
        `run --rm ${IMAGE} one echo hello`,
        `run --rm ${IMAGE} two false`,
        `run --rm ${IMAGE} three nosuch`,
        `run --rm --env A=b --cwd /tmp --read-only ${IMAGE} four touch /new`,
        `run --rm --user daemon ${IMAGE} five id`,
        `run --rm --mount type=bind,src=/etc,dst=/host,options=rbind:ro ${IMAGE} six ls /host/hostname`,
        `run --rm docker.io/library/none:1 seven true`,
      ])
        await run(command);
      await same(
        'run',
        '--rm',
        IMAGE,
        'eight',
        'sh',
        '-c',
        'echo new > /new; rm -r /home; ls /; cat /new; exit 3',
      );
      // What one wrote the next does not see.
      await same('run', '--rm', IMAGE, 'nine', 'ls', '/');
      for (const what of ['containers', 'tasks', 'snapshots']) await run(`${what} ls`);
      assert.deepEqual(await daemon.leftovers(), []);
    });

    test('a detached one is looked into, killed and removed, also by the next daemon', async (t) => {
      const tasks = await startWithImage(t);
      const { run, same, ours, theirs, daemon, stopped, names, bench } = tasks;
      const script = 'trap "exit 7" TERM; touch /by-first; while :; do sleep 0.1; done';
      await same('run', '-d', IMAGE, 'box', 'sh', '-c', script);
      for (const ask of [ours, theirs])
        await eventually(
          'it has written',
          async () => (await ask('tasks', 'exec', '--exec-id', 'w', 'box', 'ls', '/by-first')).code === 0,
        );
      for (const command of [
        'tasks ls',
        'containers ls',
        'snapshots ls',
        'tasks exec --exec-id x box ls /',
        'tasks exec --exec-id y box touch /by-second',
        `run -d ${IMAGE} box true`,
        'snapshots rm box',
        'containers rm box',
      ])
        await run(command);
      // The root is mounted where the task is, and nowhere else.
      const { stdout: mounts } = await bench.run(['cat', '/proc/self/mounts']);
      assert.ok(!mounts.includes(daemon.execRoot), mounts);
      await daemon.kill9();
      await daemon.restart();
      await run('tasks exec --exec-id z box ls /by-first /by-second');
      await run('tasks kill box');
      await stopped();
      await run('tasks rm box');
      // Started anew it has what it wrote.
      await run('tasks start -d box');
      await run('tasks exec --exec-id z box ls /by-first /by-second');
      await run('tasks kill -s KILL box');
      await stopped();
      await run('tasks rm box');
      await run('containers rm box');
      for (const what of ['containers', 'tasks', 'snapshots', 'images']) await run(`${what} ls`);
      await run(`images rm --sync ${IMAGE}`);
      for (const what of ['snapshots', 'content', 'leases']) await run(`${what} ls`);
      await ours('namespaces', 'rm', names.ours);
      await eventually('nothing is left', async () => (await daemon.leftovers()).length === 0);
    });
  },
);
