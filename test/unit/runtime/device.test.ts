import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Device } from '../../../runtime/spec.ts';
import { requires } from '../../lib/requires.ts';
import { dockerSpec, makeBench, run, runPlan } from './container.ts';

const nodes = requires('root', 'busybox', 'overlay');

describe('devices', nodes, () => {
  test('of every kind, with mode and owner, in directories that are made', async (t) => {
    const devices: Device[] = [
      { type: 'b', path: '/dev/x/y/block', major: 7, minor: 300, fileMode: 0o640, uid: 3, gid: 4 },
      { type: 'p', path: '/dev/fifo' },
      { type: 'u', path: '/dev/char', major: 4095, minor: 1_048_575, fileMode: 0 },
      { type: 'c', path: '/elsewhere/null', major: 1, minor: 3 },
      // The same once more.
      { type: 'c', path: '/dev/null', major: 1, minor: 3, fileMode: 0o666 },
    ];
    const script = 'stat -c "%F %a %u:%g %t:%T" /dev/x/y/block /dev/fifo /dev/char /elsewhere/null';
    const { stdout, failure } = await run(t, script, (spec) => spec.linux.devices?.push(...devices));
    assert.equal(failure, undefined);
    assert.deepEqual(stdout.trim().split('\n'), [
      'block special file 640 3:4 7:12c',
      'fifo 666 0:0 0:0',
      'character special file 0 0:0 fff:fffff',
      'character special file 666 0:0 1:3',
    ]);
  });

  test('/dev/ptmx is a link, whatever the image or the configuration has there', async (t) => {
    const bench = await makeBench(
      t,
      dockerSpec('readlink /dev/ptmx', (spec) => {
        spec.mounts = spec.mounts.filter(({ destination }) => destination !== '/dev');
        spec.linux.devices?.push({ type: 'c', path: '/dev/ptmx', major: 5, minor: 2 });
      }),
    );
    mkdirSync(join(bench.lower, 'dev'));
    writeFileSync(join(bench.lower, 'dev/ptmx'), '');
    const { stdout, failure } = await runPlan(bench);
    assert.equal(failure, undefined);
    assert.equal(stdout, 'pts/ptmx\n');
  });

  for (const [what, make] of [
    ['a file', (path: string) => writeFileSync(path, '')],
    ['a link', (path: string) => symlinkSync('/etc/passwd', path)],
    ['a directory', (path: string) => mkdirSync(path)],
  ] as const) {
    test(`${what} of the image in the place of one is an error`, async (t) => {
      const bench = await makeBench(
        t,
        dockerSpec('true', (spec) => {
          spec.mounts = spec.mounts.filter(({ destination }) => !destination.startsWith('/dev'));
        }),
      );
      mkdirSync(join(bench.lower, 'dev'));
      make(join(bench.lower, 'dev/null'));
      const { failure } = await runPlan(bench);
      assert.match(failure ?? '', /\/dev\/null/);
    });
  }

  test('one of other numbers is an error', async (t) => {
    const { failure } = await run(t, 'true', (spec) =>
      spec.linux.devices?.push({ type: 'c', path: '/dev/null', major: 1, minor: 5 }),
    );
    assert.equal(failure, 'Cannot make device "/dev/null": another file is there: EEXIST');
  });

  test('in a /dev that is bound nothing is made', async (t) => {
    const bench = await makeBench(t, dockerSpec('ls /dev'));
    const dev = join(bench.directory, 'dev');
    mkdirSync(dev);
    writeFileSync(join(dev, 'only'), '');
    const { spec } = bench.request;
    spec.mounts = spec.mounts.filter(({ destination }) => !destination.startsWith('/dev'));
    spec.mounts.push({ type: 'bind', source: dev, destination: '/dev', options: ['rbind'] });
    const { stdout, failure } = await runPlan(bench);
    assert.equal(failure, undefined);
    assert.equal(stdout, 'only\n');
  });
});

describe('where making nodes is forbidden', requires('root', 'busybox', 'overlay', 'cgroup-v1'), () => {
  test("the host's are bound", async (t) => {
    const { stdout, failure } = await run(
      t,
      'grep -c "/dev/null" /proc/self/mountinfo; stat -c %t:%T /dev/null',
      (spec) => {
        spec.linux.resources = {
          devices: [
            { allow: false, access: 'rwm' },
            { allow: true, type: 'c', major: 1, access: 'rw' },
          ],
        };
        spec.linux.maskedPaths = [];
      },
    );
    assert.equal(failure, undefined);
    assert.equal(stdout, '1\n1:3\n');
  });
});
