import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { PlanBody } from '../../daemon/api/docker/wire/plan.ts';
import { rest } from '../lib/rest.ts';
import { daemonSuite } from '../lib/suite.ts';

/** What create refuses: flags, and what follows them if it is not busybox alone. */
const REFUSED: readonly (readonly string[])[] = [
  ['-m', '1m', 'busybox'],
  ['--cpus', '500', 'busybox'],
  ['--cpuset-cpus', '99', 'busybox'],
  ['--cap-add', 'NOSUCH', 'busybox'],
  ['--pull', 'never', '--network', 'container:nosuch', 'busybox'],
  ['--name', '-x', 'busybox'],
  ['--name', 'taken', 'busybox'],
  ['--log-driver', 'nosuch', 'busybox'],
  ['--log-opt', 'max-size=x', 'busybox'],
  ['-w', 'relative', 'busybox'],
  ['-v', '/a:/x', '-v', '/b:/x', 'busybox'],
  ['-v', 'a/b:/x', 'busybox'],
  ['--pull', 'never', '--volume-driver', 'nosuch', '-v', 'fresh:/x', 'busybox'],
  ['-v', 'fresh:/bin/busybox', 'busybox'],
  ['--pull', 'never', '--volumes-from', 'nosuch', 'busybox'],
  ['--runtime', 'nosuch', 'busybox'],
  ['--restart', 'sometimes', 'busybox'],
  ['--rm', '--restart', 'always', 'busybox'],
  ['--security-opt', 'nosuch', 'busybox'],
  ['--platform', 'linux/s390x', 'busybox'],
  ['--pull', 'never', 'nosuch:1'],
  ['--health-http', 'ftp://x', 'busybox'],
  ['--after', 'x:nosuch', 'busybox'],
];

/** What only a start refuses. */
const FAILING: readonly (readonly string[])[] = [
  ['--mount', 'type=bind,source=/no/such,target=/x'],
  ['-u', 'nobody-at-all'],
  ['--device', '/dev/no-such'],
  ['--network', 'nosuch'],
  ['--network', 'container:idle'],
  ['--ipc', 'container:idle'],
  ['--device-read-bps', '/dev/no-such:1mb'],
];

daemonSuite('wherry run --dry-run', (daemon) => {
  const plan = async (...args: string[]): Promise<PlanBody> =>
    JSON.parse(await daemon().wherryOk('create', '--dry-run', '--format', 'json', ...args)) as PlanBody;
  const inspect = async (name: string): Promise<Record<string, never>> =>
    JSON.parse(await daemon().dockerOk('inspect', '-f', '{{json .}}', name)) as Record<string, never>;
  const inside = (...command: string[]): Promise<string> => daemon().dockerOk('exec', 'planned', ...command);

  test('what it says is what a run makes', async () => {
    await daemon().dockerOk('network', 'create', '--subnet', '10.91.0.0/24', 'harbour');
    const args = [
      ...['--name', 'planned', '--network', 'name=harbour,ip=10.91.0.77', '-p', '18080:80', '-p', '81/udp'],
      ...['-m', '64m', '--cpus', '0.5', '--pids-limit', '44', '--cap-drop', 'ALL', '--cap-add', 'CHOWN'],
      ...[
        '-u',
        '7:8',
        '-v',
        'hold:/etc',
        '-v',
        '/anonymous',
        '-v',
        '/tmp:/t:ro',
        '--device',
        '/dev/fuse:/dev/x',
      ],
      ...[
        '--ulimit',
        'nofile=64:128',
        '--sysctl',
        'net.ipv4.ip_forward=1',
        '--security-opt',
        'no-new-privileges',
      ],
      ...['-e', 'A=b', '-w', '/tmp', '-h', 'quay', 'busybox', 'sleep', '1000'],
    ];
    const said = await plan(...args);
    assert.deepEqual([said.Problems, said.Warnings], [[], []]);
    assert.deepEqual(await plan(...args), said);
    await daemon().wherryOk('run', '-d', ...args);
    const { NetworkSettings, Image, Config } = (await inspect('planned')) as unknown as {
      NetworkSettings: {
        Networks: Record<
          string,
          { IPAddress: string; MacAddress: string; Gateway: string; DNSNames: string[] }
        >;
        Ports: Record<string, { HostIp: string; HostPort: string }[]>;
      };
      Image: string;
      Config: { Hostname: string };
    };
    assert.deepEqual([said.Image.Id, said.Process.Hostname, said.Name], [Image, Config.Hostname, 'planned']);
    const [endpoint] = said.Networks;
    const harbour = NetworkSettings.Networks['harbour'];
    assert.deepEqual(
      [endpoint?.IPAddress, endpoint?.MacAddress, endpoint?.Gateway, endpoint?.Fixed],
      [`${harbour?.IPAddress}/24`, harbour?.MacAddress, harbour?.Gateway, true],
    );
    const published = Object.entries(NetworkSettings.Ports).flatMap(([port, places]) =>
      places.map(({ HostIp, HostPort }) => `${HostIp}:${HostPort} ${port}`),
    );
    assert.deepEqual(
      said.Ports.map(
        (each) => `${each.HostIp}:${each.HostPort} ${each.ContainerPort}/${each.Protocol}`,
      ).toSorted(),
      published.toSorted(),
    );
    const id = await daemon().dockerOk('inspect', '-f', '{{.Id}}', 'planned');
    assert.ok(said.Limits.Writes.length >= 4, JSON.stringify(said.Limits));
    for (const { File, Value } of said.Limits.Writes) {
      const now = await readFile(File.replace('<id>', id), 'utf8');
      assert.equal(now.trim(), Value, File);
    }
    assert.deepEqual(said.Security.Capabilities, ['CAP_CHOWN']);
    const status = await inside('cat', '/proc/1/status');
    assert.match(status, /CapBnd:\s+0*1\n/);
    assert.match(status, /NoNewPrivs:\s+1\n/);
    assert.match(status, /Seccomp:\s+2\n/);
    assert.deepEqual([said.User.Uid, said.User.Gid], [7, 8]);
    assert.equal(await inside('id', '-u'), '7');
    assert.deepEqual(
      said.Volumes.map(({ Name, Destination, Made, CopyUp }) => [Name, Destination, Made, CopyUp]),
      [
        ['hold', '/etc', true, true],
        ['', '/anonymous', true, false],
      ],
    );
    assert.match(await inside('cat', '/etc/passwd'), /root/);
    assert.ok(
      said.Devices.some(({ Path, Major, Minor }) => Path === '/dev/x' && Major === 10 && Minor === 229),
    );
    const mounts = await inside('cat', '/proc/self/mounts');
    for (const { Destination } of said.Mounts) assert.ok(mounts.includes(` ${Destination} `), Destination);
    const again = await plan('-v', 'hold:/etc', 'busybox');
    assert.deepEqual(again.Volumes, [
      { Name: 'hold', Driver: 'local', Destination: '/etc', Made: false, CopyUp: false },
    ]);
    await daemon().dockerOk('rm', '-fv', 'planned');
    await daemon().dockerOk('network', 'rm', 'harbour');
    await daemon().dockerOk('volume', 'rm', 'hold');
    await daemon().mark();
  });

  test('nothing is made, told, or used up', async () => {
    const since = String(Date.now() / 1000);
    const first = await plan(
      '-P',
      '--expose',
      '80',
      '-v',
      'new:/x',
      '-v',
      '/tmp/w-never-made:/y',
      'busybox',
      'true',
    );
    assert.equal(first.Mounts.find(({ Destination }) => Destination === '/y')?.SourceMade, true);
    const until = String(Date.now() / 1000 + 0.1);
    assert.equal(await daemon().dockerOk('events', '--since', since, '--until', until), '');
    assert.equal(await daemon().dockerOk('ps', '-aq'), '');
    assert.equal(await daemon().dockerOk('volume', 'ls', '-q'), '');
    await assert.rejects(readFile('/tmp/w-never-made'), /ENOENT/);
    const id = await daemon().dockerOk('run', '-d', '-P', '--expose', '80', 'busybox', 'sleep', '100');
    const address = await daemon().dockerOk('inspect', '-f', '{{.NetworkSettings.IPAddress}}/16', id);
    assert.equal(address, first.Networks[0]?.IPAddress);
    assert.match(
      await daemon().dockerOk('port', id),
      new RegExp(`0.0.0.0:${first.Ports[0]?.HostPort}$`, 'm'),
    );
  });

  test('what create refuses, it refuses', async () => {
    await daemon().dockerOk('create', '--name', 'taken', 'busybox');
    for (const args of REFUSED) {
      const [real, dry] = [
        await daemon().wherry('create', ...args),
        await daemon().wherry('create', '--dry-run', ...args),
      ];
      const plain = (text: string): string => text.replaceAll(/[0-9a-f]{64}/g, 'ID');
      assert.notEqual(real.code, 0, args.join(' '));
      assert.deepEqual([dry.code, plain(dry.stderr)], [real.code, plain(real.stderr)], args.join(' '));
      assert.equal(dry.stdout, '');
    }
    await daemon().docker('volume', 'rm', 'fresh');
    const body = { Image: 'busybox', HostConfig: { Memory: 5 } };
    const [real, dry] = await Promise.all(
      ['/containers/create', '/wherry/containers/plan'].map((path) =>
        rest(daemon().socket, 'POST', { path, body }),
      ),
    );
    assert.deepEqual([dry?.status, dry?.text], [real?.status, real?.text]);
    assert.equal(dry?.status, 400);
  });

  test('what a start would fail for is told, with its words and exit code', async () => {
    await daemon().dockerOk('create', '--name', 'idle', 'busybox');
    await daemon().dockerOk('run', '-d', '--name', 'busy', '-p', '18081:80', 'busybox', 'sleep', '100');
    for (const flags of [...FAILING, ['-p', '18081:1']]) {
      const dry = await daemon().wherry('run', '--dry-run', '--name', 'failing', ...flags, 'busybox', 'true');
      const real = await daemon().wherry('run', '--name', 'failing', ...flags, 'busybox', 'true');
      await daemon().docker('rm', '-f', 'failing');
      const said = /PROBLEM: (.*)/.exec(dry.stderr)?.[1]?.replace(/\([0-9a-f]+\)/, '') ?? 'nothing';
      assert.ok(
        real.stderr.replace(/\([0-9a-f]+\)/, '').includes(said),
        `${flags.join(' ')}: ${said}\n${real.stderr}`,
      );
      assert.equal(dry.code, real.code, flags.join(' '));
      assert.match(dry.stdout, /Would run/);
    }
  });

  test('an image that is not there would be pulled', async () => {
    const said = await plan('-u', 'somebody', 'nosuch/thing:7', 'true');
    assert.deepEqual(said.Image, { Reference: 'nosuch/thing:7', Id: '', Layers: 0 });
    assert.deepEqual(said.Problems, []);
    const text = await daemon().wherryOk('run', '--dry-run', 'nosuch/thing:7');
    assert.match(text, /image +nosuch\/thing:7, would be pulled/);
    assert.match(text, /program +what the image says/);
  });

  test('for people', async () => {
    const cidfile = join(daemon().directory, 'cid');
    const flags = ['-m', '64m', '-p', '18082:80', '-v', 'hold:/etc', '--cidfile', cidfile, '--init', '--rm'];
    const text = await daemon().wherryOk(
      'run',
      '--dry-run',
      ...flags,
      '--name',
      'shown',
      'busybox',
      'sleep',
      '1',
    );
    for (const pattern of [
      /^Would be made\n {2}container +shown\n {2}volume +hold \(local\), for \/etc, filled with the image's \/etc\n/,
      /image +busybox, sha256:[0-9a-f]{64} \(1 layer\)\n {2}program +sleep 1, behind an init\n/,
      /user +0:0, groups .*, the host's own, there is no user namespace\n|user +0:0, the host's own/,
      / {2}\/etc +volume hold \(rbind,rprivate\)\n/,
      /memory.* +67108864\n/,
      /bridge +bridge eth0, 172\.\d+\.\d+\.\d+\/16 \(the next that is free\), by 172/,
      /80\/tcp +0\.0\.0\.0:18082\n/,
      /seccomp +docker's profile, \d+ instructions\n/,
      /at its end +removed, with its anonymous volumes/,
    ])
      assert.match(text, pattern);
    await assert.rejects(readFile(cidfile), /ENOENT/);
    const wrong = await daemon().wherry('create', '--dry-run', '--format', 'x', 'busybox');
    assert.match(wrong.stderr, /unknown format: "x"/);
  });
});
