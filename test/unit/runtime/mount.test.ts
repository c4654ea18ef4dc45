import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { buildLaunchPlan } from '../../../runtime/launch.ts';
import { formatPlan } from '../../../runtime/plan/format.ts';
import { MOUNT_OPTIONS, parseMountOptions } from '../../../runtime/rootfs/options.ts';
import type { Spec } from '../../../runtime/spec.ts';
import { requires } from '../../lib/requires.ts';
import { dockerSpec, makeBench, pureRequest, run, runPlan } from './container.ts';
import { bind, linesOf, makeDirectoryBench, mount, ownUsers, runAsCommand } from './rootfs-bench.ts';

/** runtime-spec config.md, "Linux mount options", and the words that it takes from mount(8). */
const SPECIFIED =
  `async atime bind defaults dev diratime dirsync exec iversion lazytime loud mand noatime nodev nodiratime noexec noiversion
   nolazytime nomand norelatime nostrictatime nosuid nosymfollow private ratime rbind rdev rdiratime relatime remount rexec
   rnoatime rnodev rnodiratime rnoexec rnorelatime rnostrictatime rnosuid rnosymfollow ro rprivate rrelatime rro rrw rshared
   rslave rstrictatime rsuid rsymfollow runbindable rw shared silent slave strictatime suid symfollow sync tmpcopyup unbindable
   idmap ridmap acl noacl`.split(/\s+/);

describe('mount options', () => {
  test('all of the specification are known', () => {
    assert.deepEqual(
      SPECIFIED.filter((option) => !MOUNT_OPTIONS.includes(option)),
      [],
    );
    for (const option of MOUNT_OPTIONS) assert.deepEqual(parseMountOptions([option]).data, [], option);
  });

  for (const [options, expected] of [
    [['sync', 'lazytime', 'nomand'], { flags: ['sync', 'lazytime', 'nomand'] }],
    [['silent', 'noiversion', 'defaults', 'acl'], { flags: [], data: [] }],
    [['mode=755,size=64k', 'x'], { data: ['mode=755', 'size=64k', 'x'] }],
    [['context="a:b,c"'], { data: ['context="a:b,c"'] }],
    [
      ['rslave', 'shared'],
      {
        propagation: [
          { bits: 1 << 19, recursive: true },
          { bits: 1 << 20, recursive: false },
        ],
      },
    ],
    [['rbind', 'ridmap'], { bind: 'tree', idmap: 'tree' }],
    [['remount', 'ro'], { remount: true, set: 1 }],
    [['rnoatime', 'rrelatime'], { setAll: 0, clearAll: 0x70 }],
    [['rro', 'rnosuid', 'exec'], { set: 3, clear: 8, setAll: 3 }],
    [['bind', 'rro'], { set: 0, setAll: 1 }],
    [['constructor', 'rconstructor'], { data: ['constructor', 'rconstructor'] }],
  ] as const) {
    test(options.join(','), () => {
      const parsed = parseMountOptions(options);
      for (const [key, value] of Object.entries(expected))
        assert.deepEqual(parsed[key as keyof typeof parsed], value, key);
    });
  }
});

const planOf = (change: (spec: Spec) => void): string =>
  formatPlan(buildLaunchPlan(pureRequest(dockerSpec('true', change))));

describe('a mount that must not be is refused', () => {
  for (const [made, message] of [
    [mount('tmpfs', '/proc/foo'), /"\/proc\/foo" cannot be mounted because it is inside \/proc/],
    [mount('tmpfs', '//proc/./sys'), /inside \/proc/],
    [mount('tmpfs', '/proc'), /"\/proc" cannot be mounted because it is not of type proc/],
    [bind('/x', '/proc/self'), /inside \/proc/],
    [bind('x', '/y'), /must be absolute/],
    [mount('tmpfs', '/t', 'idmap'), /only a bind can map ids/],
    [bind('/x', '/y', 'idmap'), /mapping ids needs both uidMappings and gidMappings/],
    [mount('tmpfs', '/'), /the root itself/],
    [{ destination: '/x' }, /has no type/],
  ] as const) {
    test(JSON.stringify(made), () => {
      assert.throws(() => planOf((spec) => spec.mounts.push(made)), {
        code: 'invalid-argument',
        message,
      });
    });
  }

  test('rootfsPropagation=sideways', () => {
    assert.throws(() => planOf((spec) => (spec.linux.rootfsPropagation = 'sideways')), {
      code: 'invalid-argument',
    });
  });
});

describe('as a plan', () => {
  test('what stands in for lxcfs may be in /proc', () => {
    assert.match(
      planOf((spec) => spec.mounts.push(bind('/x', '/proc/meminfo'))),
      /mount "\/x"/,
    );
  });

  test('mountLabel is the context of what has no labels of its own', () => {
    const plan = planOf((spec) => {
      spec.linux.mountLabel = 'u:r:t:s0:c1,c2';
    });
    assert.match(plan, /"context", "u:r:t:s0:c1,c2", 0\) .* at "\/dev\/shm"/);
    assert.doesNotMatch(plan, /"context".* at "\/proc"/);
  });

  test('sources are cloned before the fork only for a user namespace', () => {
    const plan = (change: (spec: Spec) => void): string => {
      const spec = dockerSpec('true', change);
      spec.mounts.push(bind('/x', '/y'));
      const keeper = {
        kind: 'runtime',
        preserveFds: 0,
        ownedStdio: [],
        startIn: undefined,
        meetsAtRoot: false,
      } as const;
      return formatPlan(buildLaunchPlan({ ...pureRequest(spec), keeper }));
    };
    const isBefore = (text: string): boolean =>
      text.indexOf('mount "/x" at "/y"') < text.lastIndexOf(' fork');
    assert.equal(isBefore(plan(() => {})), false);
    assert.equal(isBefore(plan(ownUsers)), true);
  });
});

describe('mounts', requires('root', 'busybox', 'overlay', 'unshare'), () => {
  test('a tmpfs has the mode of what it hides; a read-only one is filled first', async (t) => {
    const bench = await makeBench(
      t,
      dockerSpec('stat -c %a /hides; stat -c %a /new; cat /hides/f/g; touch /hides/x', (spec) => {
        spec.mounts.push(mount('tmpfs', '/hides', 'ro'), mount('tmpfs', '/new'));
        spec.mounts.push(bind('/etc/hostname', '/hides/f/g', 'ro'));
      }),
    );
    execFileSync('mkdir', ['-m', '1731', join(bench.lower, 'hides')]);
    const { stdout, stderr } = await runPlan(bench);
    assert.match(stdout, /^1731\n1777\n.+/);
    assert.match(stderr, /x: Read-only file system/);
  });

  test('tmpcopyup', async (t) => {
    const script = 'cd /c; stat -c "%n %a %u %Y %F" . file dir dir/in link; readlink link; cat file; touch x';
    const bench = await makeBench(
      t,
      dockerSpec(script, (spec) => spec.mounts.push(mount('tmpfs', '/c', 'tmpcopyup'))),
    );
    const make = `mkdir -m 750 c; cd c; mkdir -m 2711 dir; echo text > file; chmod 4750 file; ln -s /etc/shadow link; echo in > dir/in;
      chown 7 dir/in; touch -d @1000 file dir/in dir; setfattr -n trusted.x -v y file 2>/dev/null || :`;
    execFileSync('sh', ['-c', make], { cwd: bench.lower });
    const { stdout, code } = await runPlan(bench);
    assert.equal(code, 0, stdout);
    assert.match(
      stdout,
      /^\. 750 0 \d+ directory\nfile 4750 0 1000 regular file\ndir 2711 0 1000 directory\n/,
    );
    assert.match(
      stdout,
      /dir\/in 644 7 1000 regular file\nlink 777 0 \d+ symbolic link\n\/etc\/shadow\ntext\n$/,
    );
    assert.deepEqual(readdirSync(bench.upper).includes('c'), false, 'nothing is written to the image');
  });

  test('remount, of the file system and of a bind', async (t) => {
    const { stdout } = await run(t, 'cat /proc/self/mountinfo', (spec) => {
      spec.mounts.push(mount('tmpfs', '/t', 'size=1m', 'sync'), bind('/etc', '/b'));
      spec.mounts.push({ destination: '/t', options: ['remount', 'ro', 'size=2m', 'nodev'] });
      spec.mounts.push({ destination: '/b', options: ['remount', 'bind', 'ro', 'nosuid'] });
    });
    assert.match(linesOf(stdout, '/t')[0] ?? '', /ro,nodev,relatime .* ro,sync,size=2048k/);
    assert.match(linesOf(stdout, '/b')[0] ?? '', /ro,nosuid,relatime .* rw/);
  });

  test('a relative destination is one of the root, and a file is bound over a file', async (t) => {
    const bench = await makeBench(
      t,
      dockerSpec('cat /rel/file; stat -c %F /etc/over', (spec) =>
        spec.mounts.push(bind('/etc/hostname', 'rel/file'), bind('/dev/null', '/etc/over')),
      ),
    );
    writeFileSync(join(bench.lower, 'etc/over'), 'under');
    const { stdout } = await runPlan(bench);
    assert.match(stdout, /^.+\ncharacter special file\n$/);
  });

  test('links that lead to what is missing lead there: to a file, a directory, and up', async (t) => {
    const bench = await makeBench(t, dockerSpec('cat /run/hosts /a/b/f; ls -d /up/dir; readlink /etc/hosts'));
    for (const [target, link] of [
      ['/run/hosts', 'etc/hosts'],
      ['../../../a/b', 'etc/rel'],
      ['/jump/dir', 'etc/dir'],
      ['up/./x/../', 'jump'],
    ] as const)
      execFileSync('ln', ['-s', target, join(bench.lower, link)]);
    const { mounts } = bench.request.spec;
    mounts.push(bind('/etc/hostname', '/etc/hosts'), bind('/etc/hostname', '/etc/rel/f'));
    mounts.push(mount('tmpfs', '/etc/dir'));
    const { stdout, failure } = await runPlan(bench);
    assert.equal(failure, undefined);
    assert.match(stdout, /^(.+)\n\1\n\/up\/dir\n\/run\/hosts\n$/);
  });

  test('links that lead around are refused', async (t) => {
    const bench = await makeBench(t, dockerSpec('true'));
    execFileSync('ln', ['-s', 'loop/x', join(bench.lower, 'loop')]);
    bench.request.spec.mounts.push(mount('tmpfs', '/loop'));
    assert.match((await runPlan(bench)).failure ?? '', /"\/loop": ELOOP/);
  });

  test('an overlay whose layers have long names', async (t) => {
    const bench = await makeBench(t, dockerSpec('ls /o; touch /o/up; grep " /o " /proc/self/mountinfo'));
    const long = join(bench.directory, 'x'.repeat(150), 'y'.repeat(150));
    for (const name of ['l/below', 'u', 'w']) mkdirSync(join(long, name), { recursive: true });
    const layers = [`lowerdir=${long}/l`, `upperdir=${long}/u`, `workdir=${long}/w`];
    bench.request.spec.mounts.push(mount('overlay', '/o', ...layers, 'nodev'));
    const { stdout } = await runPlan(bench);
    assert.match(stdout, /^below\n.* rw,nodev,relatime /);
    assert.deepEqual(readdirSync(join(long, 'u')), ['up']);
  });

  test('cgroup2 shows the own cgroup, or the hierarchy without a cgroup namespace', async (t) => {
    const change = (spec: Spec): void => void spec.mounts.push(mount('cgroup2', '/c2', 'ro'));
    const own = await run(t, 'ls /c2/cgroup.type; echo 1 > /c2/cgroup.procs', change);
    assert.match(own.stdout, /cgroup.type/);
    assert.match(own.stderr, /Read-only file system/);
    const whole = await run(t, 'ls /c2/cgroup.type; ls -d /c2/wherry-*', (spec) => {
      change(spec);
      spec.linux.namespaces = spec.linux.namespaces.filter(({ type }) => type !== 'cgroup');
    });
    assert.match(whole.stdout, /wherry-/);
    assert.match(whole.stderr, /cgroup.type: No such file/);
  });

  test('ids are mapped, with the mount alone or with what is below', async (t) => {
    const bench = await makeDirectoryBench(t, 'stat -c "%u %g" /one /one/m /tree /tree/m');
    const source = join(bench.directory, 'source');
    mkdirSync(join(source, 'm'), { recursive: true });
    const mapped = {
      uidMappings: [{ containerID: 0, hostID: 5000, size: 1 }],
      gidMappings: [{ containerID: 0, hostID: 6000, size: 1 }],
    };
    const { mounts } = bench.request.spec;
    mounts.push({ ...bind(source, '/one', 'rbind', 'idmap'), ...mapped });
    mounts.push({ ...bind(source, '/tree', 'rbind', 'ridmap'), ...mapped });
    const before = `mount -t tmpfs none ${source}/m`;
    const { stdout, failure } = await runAsCommand(bench, { before });
    assert.equal(failure, undefined);
    assert.equal(stdout, '5000 6000\n0 0\n5000 6000\n5000 6000\n');
  });
});
