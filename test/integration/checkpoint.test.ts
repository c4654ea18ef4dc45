import assert from 'node:assert/strict';
import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { mkdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Spec } from '../../runtime/spec.ts';
import { ended, eventually, start } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';
import { openRuntime, type Change, type TestRuntime } from '../lib/runtime.ts';

const COUNTING = ['sh', '-c', 'i=0; while true; do i=$((i+1)); echo $i >/tmp/n; sleep 0.1; done'];

/** With stdio that CRIU can follow: a file of the test's is nothing that the container could open again. */
async function quietly(runtime: TestRuntime, ...words: string[]): Promise<void> {
  const log = join(runtime.directory, 'log');
  await rm(log, { force: true });
  const code = await ended(start(runtime.argv('--log', log, ...words), { stdio: 'ignore' }));
  assert.equal(code, 0, await readFile(log, 'utf8').catch(() => words.join(' ')));
}

/** A container `a` that counts in /tmp/n. */
async function counting(runtime: TestRuntime, change: Change = {}): Promise<string> {
  const bundle = await runtime.bundle('a', { args: COUNTING, ...change });
  await quietly(runtime, 'run', '--detach', '--bundle', bundle, 'a');
  await goesOn(runtime, 0);
  return bundle;
}

function countOf(runtime: TestRuntime): number {
  try {
    return Number(readFileSync(join(runtime.rootfs, 'tmp/n'), 'utf8'));
  } catch {
    return 0;
  }
}

async function goesOn(runtime: TestRuntime, from: number): Promise<void> {
  await eventually('it goes on', () => Promise.resolve(countOf(runtime) > from));
}

describe('checkpoint and restore', requires('root', 'busybox', 'criu'), () => {
  test('a container goes on where it was, with its mounts, and is one like any other', async () => {
    await using runtime = await openRuntime();
    const outside = join(runtime.directory, 'outside');
    await mkdir(outside);
    const bundle = await counting(runtime, {
      linux: { maskedPaths: ['/proc/keys', '/proc/acpi'], readonlyPaths: ['/proc/sys'] },
    });
    const config = JSON.parse(await readFile(join(bundle, 'config.json'), 'utf8')) as Spec;
    assert.ok(config.linux.maskedPaths);
    const images = join(runtime.directory, 'images');
    await runtime.ok('checkpoint', '--image-path', images, 'a');
    const at = countOf(runtime);
    assert.deepEqual(await runtime.leftovers(), []);
    await rm(join(runtime.rootfs, 'tmp/n'));

    const pidFile = join(runtime.directory, 'pid');
    const words = ['--image-path', images, '--bundle', bundle, '--pid-file', pidFile];
    await quietly(runtime, 'restore', '--detach', ...words, 'a');
    await goesOn(runtime, at);
    const { status, pid } = await runtime.state('a');
    assert.equal(status, 'running');
    assert.equal(await readFile(pidFile, 'utf8'), String(pid));
    assert.match(
      await readFile(`/proc/${pid}/cgroup`, 'utf8'),
      new RegExp(`:${runtime.cgroupParent}/a$`, 'm'),
    );
    assert.notEqual(await readlink(`/proc/${pid}/ns/mnt`), await readlink('/proc/self/ns/mnt'));
    assert.equal(await runtime.ok('exec', 'a', 'sh', '-c', 'cat /proc/keys; echo read'), 'read');
    await runtime.ok('pause', 'a');
    await runtime.ok('resume', 'a');
    await runtime.ok('kill', 'a', 'KILL');
    await eventually('it stopped', async () => (await runtime.state('a')).status === 'stopped');
    await runtime.ok('delete', 'a');
    assert.deepEqual(await runtime.leftovers(), []);
  });

  test('a bind is of what the bundle says, not of what the images say', async () => {
    await using runtime = await openRuntime();
    const [first, second] = [join(runtime.directory, 'first'), join(runtime.directory, 'second')];
    for (const directory of [first, second]) await mkdir(directory);
    const mounts = (source: string): Change => ({
      spec: {
        mounts: [
          { destination: '/proc', type: 'proc', source: 'proc' },
          { destination: '/dev', type: 'tmpfs', source: 'tmpfs' },
          { destination: '/data', type: 'bind', source, options: ['bind'] },
        ],
      },
    });
    await counting(runtime, mounts(first));
    const images = join(runtime.directory, 'images');
    await runtime.ok('checkpoint', '--image-path', images, 'a');
    const bundle = await runtime.bundle('a', { args: COUNTING, ...mounts(second) });
    await quietly(runtime, 'restore', '--detach', '--image-path', images, '--bundle', bundle, 'a');
    await runtime.ok('exec', 'a', 'touch', '/data/here');
    assert.ok(existsSync(join(second, 'here')));
    assert.ok(!existsSync(join(first, 'here')));
    await runtime.ok('delete', '--force', 'a');
    assert.deepEqual(await runtime.leftovers(), []);
  });

  test('a pre-dump, then a dump upon it; both may leave it running', async () => {
    await using runtime = await openRuntime();
    const bundle = await counting(runtime);
    const images = join(runtime.directory, 'images');
    const [before, full] = [join(images, 'before'), join(images, 'full')];
    await runtime.ok('checkpoint', '--pre-dump', '--image-path', before, 'a');
    await goesOn(runtime, countOf(runtime));
    const last = ['--parent-path', '../before', '--image-path', full];
    await runtime.ok('checkpoint', '--leave-running', ...last, 'a');
    await goesOn(runtime, countOf(runtime));
    assert.equal((await runtime.state('a')).status, 'running');
    await runtime.ok('checkpoint', ...last, '--work-path', join(runtime.directory, 'work'), 'a');
    const at = countOf(runtime);
    assert.equal(await readlink(join(full, 'parent')), '../before');
    await quietly(runtime, 'restore', '--detach', '--image-path', full, '--bundle', bundle, 'a');
    await goesOn(runtime, at);
    await runtime.ok('delete', '--force', 'a');
    assert.deepEqual(await runtime.leftovers(), []);
  });

  test('a failure says why, with the end of the log, and the container goes on', async () => {
    await using runtime = await openRuntime();
    const bundle = await runtime.bundle('a', { args: COUNTING });
    // Its output is a file outside of its root.
    await runtime.ok('run', '--detach', '--bundle', bundle, 'a');
    await goesOn(runtime, 0);
    const work = join(runtime.directory, 'work');
    const images = join(runtime.directory, 'images');
    const { code, stderr } = await runtime.run([
      'checkpoint',
      '--image-path',
      images,
      '--work-path',
      work,
      'a',
    ]);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /criu failed: type DUMP errno \d+\\nlog file: .*work\/dump\.log\\n.*Can't lookup mount/,
    );
    assert.equal((await runtime.state('a')).status, 'running');
    await goesOn(runtime, countOf(runtime));
    await runtime.ok('delete', '--force', 'a');
  });

  test('images of a process with other rights are refused, and nothing runs', async () => {
    await using runtime = await openRuntime();
    await counting(runtime);
    const images = join(runtime.directory, 'images');
    await runtime.ok('checkpoint', '--image-path', images, 'a');
    const at = countOf(runtime);
    const bundle = await runtime.bundle('a', { args: COUNTING, process: { capabilities: {} } });
    const { code, stderr } = await runtime.run([
      'restore',
      '--detach',
      ...['--image-path', images, '--bundle', bundle, 'a'],
    ]);
    assert.equal(code, 1);
    assert.match(stderr, /has capabilities that the configuration does not give/);
    assert.deepEqual(await runtime.leftovers(), []);
    assert.equal(countOf(runtime), at);
  });
});

describe('a crafted image directory', requires('root', 'busybox'), () => {
  const refused = async (runtime: TestRuntime, images: string): Promise<string> => {
    const bundle = await runtime.bundle('a');
    const criu = join(runtime.directory, 'criu');
    await writeFile(criu, '#!/bin/sh\necho CRIU ran >&2\nexit 1\n', { mode: 0o755 });
    const { code, stderr } = await runtime.run(
      ['restore', '--detach', '--image-path', images, '--bundle', bundle, 'a'],
      { env: { PATH: `${runtime.directory}:${process.env['PATH'] ?? ''}` } },
    );
    assert.equal(code, 1);
    assert.deepEqual(await runtime.leftovers(), []);
    return stderr;
  };

  for (const name of ['restore.log', 'stats-restore', 'pages-1.img', 'descriptors.json'])
    test(`a link in the place of ${name} leads nowhere`, async () => {
      await using runtime = await openRuntime();
      const [images, victim] = [join(runtime.directory, 'images'), join(runtime.directory, 'victim')];
      await mkdir(images);
      await writeFile(victim, 'untouched');
      if (name !== 'descriptors.json') await writeFile(join(images, 'descriptors.json'), '["","",""]');
      symlinkSync(victim, join(images, name));
      const stderr = await refused(runtime, images);
      assert.match(stderr, /invalid image directory/);
      assert.doesNotMatch(stderr, /CRIU ran/);
      assert.equal(await readFile(victim, 'utf8'), 'untouched');
    });

  test('descriptors.json is three texts and nothing else', async () => {
    await using runtime = await openRuntime();
    const images = join(runtime.directory, 'images');
    await mkdir(images);
    for (const text of ['{"0":"pipe:[1]"}', '["","","","/etc/shadow"]', '[', 'x'.repeat(10_000)]) {
      await writeFile(join(images, 'descriptors.json'), text);
      assert.match(await refused(runtime, images), /invalid image directory/);
    }
  });
});
