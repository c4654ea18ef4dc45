import assert from 'node:assert/strict';
import { chmod, lstat, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { cgroupVersion, requires } from '../../lib/requires.ts';
import { dockerSpec, makeBench, run, runPlan } from './container.ts';

describe('a default container', requires('root', 'busybox', 'overlay'), () => {
  test('has docker capabilities and none that is inheritable', async (t) => {
    const { stdout } = await run(t, 'grep Cap /proc/self/status');
    const sets = Object.fromEntries(
      stdout
        .trim()
        .split('\n')
        .map((line) => line.split(/:\s+/)),
    );
    const docker = '00000000a80425fb';
    const none = '0000000000000000';
    assert.deepEqual(sets, { CapInh: none, CapPrm: docker, CapEff: docker, CapBnd: docker, CapAmb: none });
  });

  test('loses its effective capabilities with the user, and keeps his groups', async (t) => {
    const { stdout } = await run(t, 'id; grep -E "Cap(Eff|Prm|Inh)" /proc/self/status', (spec) => {
      spec.process.user = { uid: 1000, gid: 1001, additionalGids: [1001, 44] };
      spec.process.capabilities = { ...spec.process.capabilities, effective: [], permitted: [] };
    });
    assert.match(stdout, /^uid=1000 gid=1001 groups=44,1001\n/);
    assert.equal(stdout.match(/\t0000000000000000\n/g)?.length, 3);
  });

  test('has only descriptors 0 to 2', async (t) => {
    const { stdout } = await run(t, 'ls /proc/1/fd; true');
    assert.equal(stdout, '0\n1\n2\n');
  });

  test('is process 1 of its own and sees none of the host', async (t) => {
    const { stdout } = await run(t, 'echo $$; echo /proc/[0-9]*');
    assert.equal(stdout, '1\n/proc/1\n');
  });

  test('has docker device nodes and links, and no more', async (t) => {
    const { stdout } = await run(t, 'ls -1 /dev; stat -c "%n %a %t:%T" /dev/null /dev/tty');
    const names = 'core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero';
    assert.equal(stdout, `${names.split(' ').join('\n')}\n/dev/null 666 1:3\n/dev/tty 666 5:0\n`);
  });

  test('may use no device but those', async (t) => {
    const change = (spec: ReturnType<typeof dockerSpec>): void => {
      spec.linux.devices?.push({ type: 'b', path: '/dev/disk', major: 254, minor: 0, fileMode: 0o600 });
    };
    const { stdout, stderr } = await run(
      t,
      'cat /dev/disk; echo ok > /dev/null; cat /dev/null; echo $?',
      change,
    );
    assert.match(stderr, /Operation not permitted/);
    assert.equal(stdout, '0\n');
  });

  test('reads nothing of masked paths and writes nothing to read-only ones', async (t) => {
    const script =
      'cat /proc/keys /proc/timer_list /proc/interrupts; ls /sys/firmware /proc/acpi; echo 1 > /proc/sys/kernel/panic; touch /sys/x /sys/fs/cgroup/x; for d in /sys/fs/cgroup /sys/fs/cgroup/memory; do [ ! -d $d ] || mkdir $d/y; done';
    const { stdout, stderr } = await run(t, script);
    assert.doesNotMatch(stdout, /[a-z0-9]{3}.*\n.*[0-9]/);
    assert.equal(stderr.match(/Read-only file system/gi)?.length, cgroupVersion() === 1 ? 5 : 4);
  });

  test('has its limits before it runs', async (t) => {
    const [files, values] =
      cgroupVersion() === 1
        ? [
            'memory/memory.limit_in_bytes memory/memory.memsw.limit_in_bytes cpu/cpu.shares cpu/cpu.cfs_quota_us pids/pids.max cpuset/cpuset.cpus',
            /^67108864\n134217728\n512\n50000\n50\n0\n/,
          ]
        : [
            'memory.max memory.swap.max cpu.max pids.max cpuset.cpus',
            /^67108864\n67108864\n50000 100000\n50\n0\n/,
          ];
    const script = `cd /sys/fs/cgroup; cat ${files}; cat /proc/self/cgroup`;
    const { stdout } = await run(t, script, (spec) => {
      spec.linux.resources = {
        ...spec.linux.resources,
        memory: { limit: 64 << 20, swap: 128 << 20 },
        cpu: { shares: 512, quota: 50_000, period: 100_000, cpus: '0' },
        pids: { limit: 50 },
      };
    });
    assert.match(stdout, values);
    assert.doesNotMatch(stdout, /wherry-test/, 'the cgroup namespace starts in its own cgroup');
  });

  test('gets names, directory, environment, umask and limits', async (t) => {
    const { stdout } = await run(
      t,
      'pwd; cat /proc/sys/kernel/hostname; umask; ulimit -n; echo $A; stat -c %a:%u /a/b',
      (spec) => {
        spec.hostname = 'cargo';
        spec.process.cwd = '/a/b';
        spec.process.env?.push('A=b c');
        spec.process.rlimits = [{ type: 'RLIMIT_NOFILE', soft: 100, hard: 200 }];
      },
    );
    assert.equal(stdout, '/a/b\ncargo\n0022\n100\nb c\n755:0\n');
  });

  test('leaves no mount on the host', async (t) => {
    const bench = await makeBench(t, dockerSpec('true'));
    assert.equal((await runPlan(bench)).code, 0);
    assert.doesNotMatch(await readFile('/proc/self/mountinfo', 'utf8'), new RegExp(bench.directory));
  });

  test('may have a read-only root that still has its mounts', async (t) => {
    const { stdout, stderr } = await run(t, 'touch /x; echo written > /dev/shm/x; cat /dev/shm/x', (spec) => {
      spec.root.readonly = true;
    });
    assert.match(stderr, /Read-only file system/);
    assert.equal(stdout, 'written\n');
  });

  test('takes sysctls of its namespaces', async (t) => {
    const { stdout } = await run(t, 'cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmni', (spec) => {
      spec.linux.sysctl = { 'net.ipv4.ip_forward': '1', 'kernel.shmmni': '77' };
    });
    assert.equal(stdout, '1\n77\n');
  });
});

describe('binds', requires('root', 'busybox', 'overlay'), () => {
  test('a directory and a file onto targets that do not exist', async (t) => {
    const bench = await makeBench(
      t,
      dockerSpec('cat /new/dir/f /new/file; echo more > /new/dir/g; touch /new/file'),
    );
    const source = join(bench.directory, 'source');
    await mkdir(source);
    await writeFile(join(source, 'f'), 'from the host\n');
    bench.request.spec.mounts.push(
      { destination: '/new/dir', type: 'bind', source, options: ['rbind', 'rprivate'] },
      { destination: '/new/file', type: 'bind', source: join(source, 'f'), options: ['rbind', 'ro'] },
    );
    const { stdout, stderr } = await runPlan(bench);
    assert.equal(stdout, 'from the host\nfrom the host\n');
    assert.match(stderr, /Read-only file system/);
    assert.equal(await readFile(join(source, 'g'), 'utf8'), 'more\n');
  });

  test('a source that is not there is named', async (t) => {
    const { failure } = await run(t, 'true', (spec) => {
      spec.mounts.push({ destination: '/x', type: 'bind', source: '/no/such/source', options: ['rbind'] });
    });
    assert.equal(failure, 'Cannot mount "/no/such/source" at "/x": ENOENT');
  });

  test('sixty of them fit', async (t) => {
    const { stdout } = await run(t, 'ls /m | wc -l; echo /m/*', (spec) => {
      for (let n = 0; n < 60; n += 1) {
        spec.mounts.push({
          destination: `/m/${n}`,
          type: 'bind',
          source: '/etc/hostname',
          options: ['rbind', 'ro'],
        });
      }
    });
    assert.equal(stdout.split('\n')[1]?.split(' ').length, 60);
  });
});

describe('a hostile image', requires('root', 'busybox', 'overlay'), () => {
  test('/dev as a link to /etc stays inside the root', async (t) => {
    const bench = await makeBench(t, dockerSpec('ls -ld /dev; ls /etc'));
    await symlink('/etc', join(bench.lower, 'dev'));
    const before = await readdir('/etc');
    const { stdout } = await runPlan(bench);
    assert.match(stdout, /urandom/, 'the devices are in the /etc of the container');
    assert.deepEqual(await readdir('/etc'), before);
  });

  for (const name of ['proc', 'sys']) {
    test(`/${name} as a link is refused`, async (t) => {
      const bench = await makeBench(t, dockerSpec('true'));
      await symlink('/etc', join(bench.lower, name));
      const { failure } = await runPlan(bench);
      assert.match(failure ?? '', /must be mounted on ordinary directory/);
    });
  }

  test('a link out of the root leads back to it', async (t) => {
    const bench = await makeBench(t, dockerSpec('ls /etc/deep'));
    await symlink('../../../../../../../../etc', join(bench.lower, 'out'));
    bench.request.spec.mounts.push({ destination: '/out/deep', type: 'tmpfs', source: 'tmpfs' });
    assert.equal((await runPlan(bench)).failure, undefined);
    await assert.rejects(lstat('/etc/deep'), { code: 'ENOENT' });
    assert.ok((await lstat(join(bench.upper, 'etc/deep'))).isDirectory());
  });

  test('a working directory of /proc/self/fd/N leads nowhere', async (t) => {
    for (let fd = 3; fd < 24; fd += 1) {
      const { failure } = await run(t, 'pwd', (spec) => (spec.process.cwd = `/proc/self/fd/${fd}`));
      assert.notEqual(failure, undefined, `descriptor ${fd}`);
    }
  });

  test('a device node in the place of /dev/null does not become the mask', async (t) => {
    const bench = await makeBench(
      t,
      dockerSpec('cat /proc/keys; echo x > /proc/keys; stat -c %t:%T /proc/keys'),
    );
    await mkdir(join(bench.lower, 'dev'));
    await writeFile(join(bench.lower, 'dev/null'), 'evil');
    assert.equal((await runPlan(bench)).stdout, '1:3\n');
  });
});

describe('what can not be run is told in the words of docker', requires('root', 'busybox', 'overlay'), () => {
  for (const [name, args, expected] of [
    ['an unknown name', ['nonesuch'], 'exec: "nonesuch": executable file not found in $PATH'],
    ['a missing path', ['/no/such'], 'exec: "/no/such": stat /no/such: no such file or directory'],
    ['a file without x', ['/etc/plain'], 'exec: "/etc/plain": permission denied'],
    ['a directory', ['/etc'], 'exec: "/etc": is a directory'],
  ] as const) {
    test(name, async (t) => {
      const bench = await makeBench(t, dockerSpec(''));
      await writeFile(join(bench.lower, 'etc/plain'), '');
      bench.request.spec.process.args = [...args];
      assert.equal((await runPlan(bench)).failure, expected);
    });
  }

  test('a file in no known format has started', async (t) => {
    const bench = await makeBench(t, dockerSpec(''));
    await writeFile(join(bench.lower, 'bin/odd'), 'no program');
    await chmod(join(bench.lower, 'bin/odd'), 0o755);
    bench.request.spec.process.args = ['odd'];
    const { code, stderr } = await runPlan(bench);
    assert.deepEqual({ code, stderr }, { code: 255, stderr: 'exec /bin/odd: exec format error\n' });
  });

  test('a missing overlay directory is named', async (t) => {
    const bench = await makeBench(t, dockerSpec('true'));
    await rm(bench.upper, { recursive: true });
    const { failure = '' } = await runPlan(bench);
    // Linux before 6.7 is told of all directories at once.
    const isNamed = failure.includes(`upperdir=${bench.upper}`);
    const isNamedInAll =
      failure.includes('upperdir=u,workdir=w') && failure.includes(` in "${bench.directory}"`);
    assert.match(failure, /^Cannot mount "overlay" \(overlay\) at "\/", .*: ENOENT$/);
    assert.ok(isNamed || isNamedInAll, failure);
  });
});

describe('the default seccomp profile', requires('root', 'busybox', 'overlay'), () => {
  test('refuses a mount to a process with a capability for it', async (t) => {
    const { stderr } = await run(t, 'mount -t tmpfs x /bin', (spec) => {
      const names = [...(spec.process.capabilities?.effective ?? [])];
      spec.process.capabilities = { bounding: names, effective: names, permitted: names };
    });
    assert.match(stderr, /permission denied|Operation not permitted/);
  });

  test('is loaded last with no_new_privs', async (t) => {
    const { stdout } = await run(t, 'grep -E "^(Seccomp|NoNewPrivs):" /proc/self/status', (spec) => {
      spec.process.noNewPrivileges = true;
    });
    assert.equal(stdout, 'NoNewPrivs:\t1\nSeccomp:\t2\n');
  });
});
