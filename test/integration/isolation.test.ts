import assert from 'node:assert/strict';
import { chmod, readFile, readlink, stat } from 'node:fs/promises';
import { test } from 'node:test';
import { daemonSuite } from '../lib/suite.ts';

/** Those that this host gives root at all. */
async function ownCapabilities(): Promise<string | undefined> {
  return /^CapBnd:\s*(\w+)$/m.exec(await readFile('/proc/self/status', 'utf8'))?.[1];
}

daemonSuite('isolation', (daemon) => {
  const run = (...args: string[]): Promise<string> => daemon().dockerOk('run', '--rm', ...args);
  const lines = async (...args: string[]): Promise<string[]> => (await run(...args)).split('\n');

  test("capabilities, seccomp and bounding set are docker's default", async () => {
    const status = await run('busybox', 'grep', '-E', 'Cap|Seccomp:', '/proc/self/status');
    assert.deepEqual(Object.fromEntries(status.split('\n').map((line) => line.split(/:\s+/))), {
      CapInh: '0000000000000000',
      CapPrm: '00000000a80425fb',
      CapEff: '00000000a80425fb',
      CapBnd: '00000000a80425fb',
      CapAmb: '0000000000000000',
      Seccomp: '2',
    });
  });

  const capabilities: readonly (readonly [flags: readonly string[], effective: string])[] = [
    [['--cap-drop', 'ALL'], '0000000000000000'],
    [['--cap-drop', 'ALL', '--cap-add', 'NET_ADMIN'], '0000000000001000'],
    [['--cap-add', 'sys_time'], '00000000aa0425fb'],
    [['-u', '1000'], '0000000000000000'],
  ];
  for (const [flags, effective] of capabilities) {
    test(`effective capabilities with ${flags.join(' ')}`, async () => {
      assert.match(
        await run(...flags, 'busybox', 'grep', 'CapEff', '/proc/self/status'),
        new RegExp(effective),
      );
    });
  }

  test('no-new-privileges and an unconfined seccomp are taken', async () => {
    const flags = ['--security-opt', 'no-new-privileges', '--security-opt', 'seccomp=unconfined'];
    const status = await run(...flags, 'busybox', 'grep', '-E', 'NoNewPrivs|Seccomp:', '/proc/self/status');
    assert.deepEqual(status.split(/\s+/), ['NoNewPrivs:', '1', 'Seccomp:', '0']);
  });

  test('the seccomp profile refuses what docker refuses', async () => {
    for (const command of [
      ['unshare', '-r', 'true'],
      ['mount', '-t', 'tmpfs', 'x', '/mnt'],
      ['swapoff', '-a'],
    ]) {
      const result = await daemon().docker('run', '--rm', 'busybox', ...command);
      if (command[0] !== 'swapoff') assert.notEqual(result.code, 0, command.join(' '));
    }
  });

  test('only stdin, stdout and stderr are open', async () => {
    // The listing itself holds the directory it lists.
    assert.deepEqual(await lines('busybox', 'ls', '/proc/self/fd'), ['0', '1', '2', '3']);
    assert.deepEqual(await lines('-t', 'busybox', 'ls', '-1', '/proc/self/fd'), ['0\r', '1\r', '2\r', '3\r']);
  });

  test('namespaces of its own', async () => {
    const kinds = ['ipc', 'mnt', 'net', 'pid', 'uts', 'cgroup'];
    // Without the flag it is docker's default, which is the host's with version 1 of cgroups.
    const inside = await lines(
      '--cgroupns',
      'private',
      'busybox',
      'sh',
      '-c',
      kinds.map((kind) => `readlink /proc/self/ns/${kind}`).join(';'),
    );
    const outside = await Promise.all(kinds.map((kind) => readlink(`/proc/self/ns/${kind}`)));
    for (const [index, kind] of kinds.entries()) assert.notEqual(inside[index], outside[index], kind);
    assert.deepEqual(await lines('busybox', 'sh', '-c', 'echo $$; echo /proc/[0-9]*'), ['1', '/proc/1']);
  });

  test("mounts: docker's, in docker's modes", async () => {
    const table = await lines('busybox', 'cat', '/proc/self/mounts');
    const mounts = new Map(
      table.map((line) => line.split(' ')).map(([, at = '', type, options]) => [at, `${type} ${options}`]),
    );
    const expected: readonly (readonly [at: string, pattern: RegExp])[] = [
      ['/', /^overlay rw,/],
      ['/proc', /^proc rw,nosuid,nodev,noexec,relatime/],
      ['/dev', /^tmpfs rw,nosuid,size=65536k,mode=755/],
      ['/dev/pts', /^devpts rw,nosuid,noexec,relatime,gid=5,mode=620,ptmxmode=666/],
      ['/dev/shm', /^tmpfs rw,nosuid,nodev,noexec,relatime,size=65536k/],
      ['/dev/mqueue', /^mqueue rw,nosuid,nodev,noexec,relatime/],
      ['/sys', /^sysfs ro,nosuid,nodev,noexec,relatime/],
      ['/sys/fs/cgroup', /^(tmpfs|cgroup2) r[wo],nosuid,nodev,noexec,relatime/],
      ['/proc/sys', /^proc ro,/],
      ['/proc/bus', /^proc ro,/],
      ['/proc/fs', /^proc ro,/],
      ['/proc/irq', /^proc ro,/],
      ['/proc/sysrq-trigger', /^proc ro,/],
      ['/proc/kcore', /^(tmpfs|devtmpfs ro,)/],
      ['/proc/keys', /^(tmpfs|devtmpfs ro,)/],
      ['/proc/timer_list', /^(tmpfs|devtmpfs ro,)/],
      ['/sys/firmware', /^tmpfs ro,/],
      ['/etc/hosts', /rw/],
      ['/etc/hostname', /rw/],
      ['/etc/resolv.conf', /rw/],
    ];
    const absent = new Set(
      await lines(
        'busybox',
        'sh',
        '-c',
        `for f in ${expected.map(([at]) => at).join(' ')}; do [ -e $f ] || echo $f; done`,
      ),
    );
    for (const [at, pattern] of expected) {
      if (!absent.has(at)) assert.match(mounts.get(at) ?? 'not mounted', pattern, at);
    }
  });

  test('devices', async () => {
    const script = 'cd /dev; for d in *; do [ -c $d ] && [ ! -L $d ] && stat -c "%n %t:%T %a" $d; done; true';
    assert.deepEqual(await lines('busybox', 'sh', '-c', script), [
      'full 1:7 666',
      'null 1:3 666',
      'random 1:8 666',
      'tty 5:0 666',
      'urandom 1:9 666',
      'zero 1:5 666',
    ]);
    const links = 'for l in fd stdin stdout stderr ptmx; do readlink /dev/$l; done';
    assert.deepEqual(await lines('busybox', 'sh', '-c', links), [
      '/proc/self/fd',
      '/proc/self/fd/0',
      '/proc/self/fd/1',
      '/proc/self/fd/2',
      'pts/ptmx',
    ]);
  });

  test('a device of the host needs --device', async () => {
    const refused = await daemon().docker(
      'run',
      '--rm',
      '--cap-add',
      'MKNOD',
      'busybox',
      'sh',
      '-c',
      'mknod /sda b 8 0 && cat /sda',
    );
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /Operation not permitted|No such device/);
    const given = await run(
      '--device',
      '/dev/fuse:/dev/given:r',
      'busybox',
      'stat',
      '-c',
      '%t:%T',
      '/dev/given',
    ).catch((error: unknown) => String(error));
    assert.match(given, /^a:e5$|no such file|error gathering device information/i);
  });

  test('what the kernel tells about the host is masked and read-only', async () => {
    const script =
      'wc -c < /proc/keys; wc -c < /proc/timer_list; ls /sys/firmware | wc -l; { echo 1 > /proc/sys/kernel/panic; } || true';
    const result = await daemon().docker('run', '--rm', 'busybox', 'sh', '-c', script);
    assert.deepEqual(result.stdout.trim().split(/\s+/), ['0', '0', '0']);
    assert.match(result.stderr, /Read-only file system/);
  });

  test("a masked file is no way to the host's null device", async () => {
    const before = (await stat('/dev/null')).mode;
    try {
      await daemon().docker(
        'run',
        '--rm',
        'busybox',
        'sh',
        '-c',
        'chmod 600 /proc/keys /proc/timer_list /dev/null',
      );
      assert.equal((await stat('/dev/null')).mode, before);
    } finally {
      await chmod('/dev/null', before & 0o7777);
    }
  });

  test('users and groups come from the image', async () => {
    const id = 'echo $(id -u):$(id -g):$(id -G); echo $HOME';
    const cases: readonly (readonly [user: string, ids: string, home: string])[] = [
      ['nobody', '65534:65534:65534', '/home'],
      ['1:10', '1:10:10', '/usr/sbin'],
      ['4242', '4242:0:0', '/'],
      ['nobody:wheel', '65534:10:10', '/home'],
    ];
    for (const [user, ids, home] of cases) {
      assert.deepEqual(await lines('-u', user, 'busybox', 'sh', '-c', id), [ids, home], user);
    }
    assert.deepEqual(
      await lines('-u', '1', '--group-add', 'wheel', '--group-add', '777', 'busybox', 'id', '-G'),
      ['1 10 777'],
    );
  });

  test('ulimits, sysctls, shm size, oom score', async () => {
    const flags = [
      '--ulimit',
      'nofile=100:200',
      '--sysctl',
      'net.ipv4.ip_default_ttl=42',
      '--shm-size',
      '1m',
    ];
    const script =
      'ulimit -Sn; ulimit -Hn; cat /proc/sys/net/ipv4/ip_default_ttl; df -k /dev/shm | tail -1 | tr -s " " | cut -d" " -f2; cat /proc/self/oom_score_adj';
    assert.deepEqual(await lines(...flags, '--oom-score-adj', '100', 'busybox', 'sh', '-c', script), [
      '100',
      '200',
      '42',
      '1024',
      '100',
    ]);
  });

  test('--privileged lifts it', async () => {
    const script =
      'grep CapEff /proc/self/status; grep Seccomp: /proc/self/status; mount -t tmpfs x /mnt && echo mounted; ls /dev | wc -l';
    const [capabilities = '', seccomp = '', mounted, devices] = await lines(
      '--privileged',
      'busybox',
      'sh',
      '-c',
      `mkdir -p /mnt; ${script}`,
    );
    assert.equal(capabilities.split('\t')[1], await ownCapabilities());
    assert.match(seccomp, /0$/);
    assert.equal(mounted, 'mounted');
    assert.ok(Number(devices) > 20, `${devices} devices`);
  });
});
