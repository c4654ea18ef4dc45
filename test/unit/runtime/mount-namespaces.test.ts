import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { requires } from '../../lib/requires.ts';
import {
  bind,
  giveToContainer,
  linesOf,
  makeDirectoryBench,
  ownUsers,
  runAsCommand,
} from './rootfs-bench.ts';

describe('a container in a user namespace', requires('root', 'busybox', 'unshare'), () => {
  test("has the host's devices, and changes nothing of them", async (t) => {
    const script = 'stat -c "%t:%T %u" /dev/null; echo x > /dev/null; chmod 600 /dev/null; ls /dev/pts';
    const bench = await makeDirectoryBench(t, script, ownUsers);
    giveToContainer(bench);
    const before = lstatSync('/dev/null');
    const { stdout, stderr, failure } = await runAsCommand(bench);
    assert.equal(failure, undefined);
    assert.equal(stdout, '1:3 65534\nptmx\n');
    assert.match(stderr, /chmod: .*not permitted/);
    const { mode, uid } = lstatSync('/dev/null');
    assert.deepEqual([mode, uid], [before.mode, before.uid]);
  });

  test('gets no device that is another than it asked for', async (t) => {
    const bench = await makeDirectoryBench(t, 'true', (spec) => {
      ownUsers(spec);
      (spec.linux.devices ??= []).push({ type: 'c', path: '/dev/tty0', major: 1, minor: 8 });
    });
    giveToContainer(bench);
    const { failure } = await runAsCommand(bench);
    assert.match(failure ?? '', /bind the host's device "\/dev\/tty0"/);
  });

  test('has binds of what its root can not reach, as they are or with its ids', async (t) => {
    const bench = await makeDirectoryBench(t, 'stat -c %u /plain /mapped; touch /mapped/new', ownUsers);
    const source = join(bench.directory, 'closed/source');
    mkdirSync(source, { recursive: true });
    execFileSync('chmod', ['700', join(bench.directory, 'closed')]);
    bench.request.spec.mounts.push(bind(source, '/plain'), bind(source, '/mapped', 'idmap'));
    giveToContainer(bench);
    const { stdout, failure } = await runAsCommand(bench);
    assert.equal(failure, undefined);
    assert.equal(stdout, '65534\n0\n');
    assert.equal(lstatSync(join(source, 'new')).uid, 0);
  });

  test('can not take back what the host says of a mount', async (t) => {
    const script = 'mount -o remount,bind,rw /b; touch /b/x; umount /b/m; ls /b/m';
    const bench = await makeDirectoryBench(t, script, (spec) => {
      ownUsers(spec);
      for (const set of ['bounding', 'permitted', 'effective'] as const)
        spec.process.capabilities?.[set]?.push('CAP_SYS_ADMIN');
    });
    const source = join(bench.directory, 'source');
    mkdirSync(source);
    giveToContainer(bench);
    const before = `mount -t tmpfs t ${source} && mkdir ${source}/m && touch ${source}/m/below && mount -t tmpfs over ${source}/m &&
      mount -o remount,bind,ro ${source}`;
    const { mounts } = bench.request.spec;
    mounts.push(bind(source, '/b', 'rbind'));
    const open = { ...bench, request: { ...bench.request, seccomp: undefined } };
    const { stdout, stderr, failure } = await runAsCommand(open, { before });
    assert.equal(failure, undefined);
    assert.equal(stdout, '', 'what is mounted below hides what is under it');
    assert.match(stderr, /touch: \/b\/x: Read-only file system\numount: .*Invalid argument/);
    mounts.push(bind(source, '/c', 'rbind', 'rw'));
    assert.match((await runAsCommand(open, { before })).failure ?? '', /mount ".*" at "\/c": EPERM/);
  });

  test("has the host's devices, and nothing else of the mounts that they come with", async (t) => {
    const bench = await makeDirectoryBench(t, 'grep " /dev/null " /proc/self/mountinfo', ownUsers);
    giveToContainer(bench);
    const { stdout, failure } = await runAsCommand(bench);
    assert.equal(failure, undefined);
    assert.match(stdout, / \/null \/dev\/null rw,nosuid,noexec,/);
  });

  test("sees the host's /sys with the host's network", async (t) => {
    const bench = await makeDirectoryBench(t, 'grep " /sys " /proc/self/mountinfo; touch /sys/x', (spec) => {
      ownUsers(spec);
      spec.linux.namespaces = spec.linux.namespaces.filter(({ type }) => type !== 'network');
      spec.linux.maskedPaths = [];
    });
    giveToContainer(bench);
    const { stdout, failure, stderr } = await runAsCommand(bench);
    assert.equal(failure, undefined);
    assert.match(stdout, / \/ \/sys ro,nosuid,nodev,noexec/);
    assert.match(stderr, /Read-only/);
  });
});

describe('propagation', requires('root', 'busybox', 'unshare'), () => {
  /** Mounts in the container below a bind and in its root, and says what of that the host sees. */
  async function seenByHost(
    t: Parameters<typeof makeDirectoryBench>[0],
    options: { root?: string; bind: string; noPivot?: boolean },
  ): Promise<string[]> {
    const script = 'mkdir /in; mount -t tmpfs seen /b/m; mount -t tmpfs never /in; ls /host';
    const bench = await makeDirectoryBench(t, script, (spec) => {
      for (const set of [spec.process.capabilities?.bounding, spec.process.capabilities?.permitted])
        set?.push('CAP_SYS_ADMIN');
      spec.process.capabilities?.effective?.push('CAP_SYS_ADMIN');
      if (options.root !== undefined) spec.linux.rootfsPropagation = options.root;
    });
    const source = join(bench.directory, 'source');
    mkdirSync(source);
    bench.request.spec.mounts.push(bind(source, '/b', options.bind));
    const request = { ...bench.request, seccomp: undefined, noPivot: options.noPivot === true };
    const ran = await runAsCommand(
      { ...bench, request },
      {
        before: `mount --make-rshared / && mount -t tmpfs source ${source} && mkdir ${source}/m`,
        after: 'cat /proc/self/mountinfo',
      },
    );
    assert.equal(ran.failure, undefined);
    // What the host had is there still: it sees its own /proc and /dev.
    assert.equal(linesOf(ran.stdout, '/proc').length, 1);
    return ran.stdout.split('\n').filter((line) => / - tmpfs (?:seen|never) /.test(line));
  }

  for (const noPivot of [false, true]) {
    const how = noPivot ? ', without a pivot' : '';
    test(`of a shared root and a shared bind reaches the host, what is in the root never does${how}`, async (t) => {
      const seen = await seenByHost(t, { root: 'shared', bind: 'rshared', noPivot });
      assert.deepEqual(
        seen.map((line) => line.replace(/.* - tmpfs (\w+).*/, '$1')),
        ['seen'],
      );
    });

    test(`of a slave does not${how}`, async (t) => {
      assert.deepEqual(await seenByHost(t, { root: 'rslave', bind: 'rslave', noPivot }), []);
      assert.deepEqual(await seenByHost(t, { bind: 'rslave', noPivot }), []);
      assert.deepEqual(await seenByHost(t, { root: 'rshared', bind: 'rprivate', noPivot }), []);
    });
  }

  for (const [word, field] of [
    ['shared', /^shared:\d+$/],
    ['unbindable', /^unbindable$/],
    ['private', /^-$/],
  ] as const) {
    test(`rootfsPropagation=${word}`, async (t) => {
      const script = 'cat /proc/self/mountinfo';
      const bench = await makeDirectoryBench(t, script, (spec) => {
        spec.linux.rootfsPropagation = word;
        spec.mounts.push(bind('/etc', '/b'));
      });
      const { stdout } = await runAsCommand(bench, { before: 'mount --make-rshared /' });
      assert.match(linesOf(stdout, '/')[0]?.split(' ')[6] ?? '', field);
    });
  }
});
