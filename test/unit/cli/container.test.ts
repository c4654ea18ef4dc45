import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { createBody } from '../../../cli/container/config.ts';
import { withTag } from '../../../cli/container/create.ts';
import { readLabels, readVariables } from '../../../cli/container/environment.ts';
import { startFailureStatus } from '../../../cli/container/exit-status.ts';
import { createFlags } from '../../../cli/container/flags.ts';
import { parseMount, readVolumes } from '../../../cli/container/mounts.ts';
import { checkExtraHost, parseDevice, parseUlimit } from '../../../cli/container/values.ts';
import { parseFlags } from '../../../common/flags/parse.ts';
import { parseCpus } from '../../../cli/flags/sizes.ts';
import { parseBytes } from '../../../common/sizes.ts';

function fileOf(t: TestContext, text: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'wherry-cli-'));
  t.after(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, 'f'), text);
  return join(directory, 'f');
}

function bodyOf(...words: string[]) {
  const { values, changed, args } = parseFlags(createFlags, words, true);
  const [image = '', ...command] = args;
  return createBody({ flags: values, changed, image, command });
}

suite('the request of run and create', () => {
  const host: readonly [string, string, unknown][] = [
    ['-m 64m', 'Memory', 64 * 1024 * 1024],
    ['--memory-swap -1', 'MemorySwap', -1],
    ['--cpus 1.5', 'NanoCpus', 1_500_000_000],
    ['--cpuset-cpus 0-1', 'CpusetCpus', '0-1'],
    ['--pids-limit 9', 'PidsLimit', 9],
    ['--rm', 'AutoRemove', true],
    ['--net host', 'NetworkMode', 'host'],
    ['--read-only', 'ReadonlyRootfs', true],
    ['-v /a:/b:ro -v /a:/b:ro', 'Binds', ['/a:/b:ro']],
    ['--tmpfs /t:size=1m --tmpfs /u', 'Tmpfs', { '/t': 'size=1m', '/u': '' }],
    ['--ulimit nofile=1:2', 'Ulimits', [{ Name: 'nofile', Soft: 1, Hard: 2 }]],
    ['--cap-add NET_ADMIN --cap-drop all', 'CapAdd', ['NET_ADMIN']],
    ['--sysctl a.b=1', 'Sysctls', { 'a.b': '1' }],
    [
      '--log-driver json-file --log-opt max-size=1m',
      'LogConfig',
      { Type: 'json-file', Config: { 'max-size': '1m' } },
    ],
    ['--security-opt systempaths=unconfined --security-opt no-new-privileges', 'MaskedPaths', []],
    ['--restart on-failure:3', 'RestartPolicy', { Name: 'on-failure', MaximumRetryCount: 3 }],
    ['', 'NetworkMode', 'default'],
    ['', 'Memory', undefined],
  ];
  for (const [words, field, expected] of host) {
    test(`${words || 'nothing'} sets ${field}`, () => {
      assert.deepEqual(bodyOf(...words.split(' ').filter(Boolean), 'x').HostConfig[field], expected);
    });
  }

  const config: readonly [string, string, unknown][] = [
    ['x sh -c -i', 'Cmd', ['sh', '-c', '-i']],
    ['x', 'Cmd', null],
    ['x', 'Entrypoint', null],
    ['--entrypoint= x', 'Entrypoint', ['']],
    ['--entrypoint sh x', 'Entrypoint', ['sh']],
    ['-i x', 'StdinOnce', true],
    ['-i -a stdout x', 'AttachStdin', true],
    ['-a stderr x', 'AttachStdout', false],
    ['-a STDIN x', 'AttachStdin', true],
    ['x', 'AttachStdout', true],
    ['-l a=b -l c x', 'Labels', { a: 'b', c: '' }],
    ['-v /only x', 'Volumes', { '/only': {} }],
    ['--stop-timeout 0 x', 'StopTimeout', 0],
    ['x', 'StopTimeout', undefined],
    ['-h host -w /w -u 1:2 x', 'User', '1:2'],
  ];
  for (const [words, field, expected] of config) {
    test(`${words}: ${field}`, () => assert.deepEqual(bodyOf(...words.split(' '))[field], expected));
  }

  test('flags that contradict each other are refused', () => {
    assert.throws(() => bodyOf('--rm', '--restart', 'always', 'x'), {
      message: 'conflicting options: cannot specify both --restart and --rm',
    });
    assert.throws(() => bodyOf('--security-opt', 'foo', 'x'), { message: 'Invalid --security-opt: "foo"' });
  });

  test('a seccomp profile is read here and sent', (t) => {
    const profile = fileOf(t, '{ "defaultAction":\n "SCMP_ACT_ALLOW" }');
    const { HostConfig } = bodyOf('--security-opt', `seccomp=${profile}`, 'x');
    assert.deepEqual(HostConfig['SecurityOpt'], ['seccomp={"defaultAction":"SCMP_ACT_ALLOW"}']);
  });
});

suite('variables and labels', () => {
  test('files first, names without value from here', (t) => {
    process.env['WHERRY_TEST_VALUE'] = 'here';
    t.after(() => delete process.env['WHERRY_TEST_VALUE']);
    const file = fileOf(t, '\uFEFF# note\nA=1 2\r\n\n  B=\nWHERRY_TEST_VALUE\nWHERRY_TEST_NONE\n');
    assert.deepEqual(readVariables([file], ['C=3', 'WHERRY_TEST_NONE']), [
      'A=1 2',
      'B=',
      'WHERRY_TEST_VALUE=here',
      'C=3',
    ]);
    assert.deepEqual(readLabels([file], ['A=x']), {
      A: 'x',
      B: '',
      WHERRY_TEST_VALUE: '',
      WHERRY_TEST_NONE: '',
    });
  });
  test('mistakes name the file', (t) => {
    assert.throws(() => readVariables(['/nope'], []), { message: 'open /nope: no such file or directory' });
    assert.throws(() => readVariables([fileOf(t, 'a b=1')], []), /variable 'a b' contains whitespaces/);
    assert.throws(() => readVariables([fileOf(t, '=1')], []), /no variable name on line '=1'/);
  });
});

suite('volumes and mounts', () => {
  test('a relative source is made absolute, a name stays', () => {
    const { binds } = readVolumes(['./x:/x', 'name:/y:ro']);
    assert.deepEqual(binds, [`${process.cwd()}/x:/x`, 'name:/y:ro']);
  });
  test('an empty part is refused', () => {
    assert.throws(() => readVolumes([':/x']), { message: 'invalid spec: :/x: empty section between colons' });
  });
  test('--mount', () => {
    assert.deepEqual(parseMount('type=bind,"source=/a,b",dst=/c,ro,bind-propagation=rshared'), {
      Type: 'bind',
      Source: '/a,b',
      Target: '/c',
      ReadOnly: true,
      BindOptions: { Propagation: 'rshared' },
    });
    assert.deepEqual(parseMount('type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=700').TmpfsOptions, {
      SizeBytes: 1_048_576,
      Mode: 0o700,
    });
    assert.throws(() => parseMount('type=bind,foo=bar'), { message: "unexpected key 'foo' in 'foo=bar'" });
    assert.throws(() => parseMount('type=bind,source'), /must be a key=value pair/);
    assert.throws(() => parseMount('type=bind,source=/x'), { message: 'target is required' });
  });
});

suite('values', () => {
  const sizes: readonly [string, number][] = [
    ['0', 0],
    ['512', 512],
    ['1b', 1],
    ['64k', 65_536],
    ['1.5g', 1_610_612_736],
    ['2GiB', 2_147_483_648],
    ['1 KB', 1024],
  ];
  for (const [text, bytes] of sizes) test(text, () => assert.equal(parseBytes(text), bytes));
  test('what is no size', () => {
    for (const text of ['', 'abc', '-1', '1x', '1kk'])
      assert.throws(() => parseBytes(text), { message: `invalid size: '${text}'` });
  });
  test('processors', () => {
    assert.equal(parseCpus('.5'), 500_000_000);
    assert.throws(() => parseCpus('0.0000000001'), { message: 'value is too precise' });
    assert.throws(() => parseCpus('x'), { message: 'failed to parse x as a rational number' });
  });
  test('limits', () => {
    assert.deepEqual(parseUlimit('core=-1'), { Name: 'core', Soft: -1, Hard: -1 });
    for (const text of ['x', 'foo=1', 'nofile=2:1', 'nofile=a']) assert.throws(() => parseUlimit(text));
  });
  test('devices', () => {
    const device = (host: string, container: string, access: string) => ({
      PathOnHost: host,
      PathInContainer: container,
      CgroupPermissions: access,
    });
    assert.deepEqual(parseDevice('/dev/a'), device('/dev/a', '/dev/a', 'rwm'));
    assert.deepEqual(parseDevice('/dev/a:r'), device('/dev/a', '/dev/a', 'r'));
    assert.deepEqual(parseDevice('/dev/a:/dev/b:rw'), device('/dev/a', '/dev/b', 'rw'));
    for (const text of ['', '/a:/b:rr', '/a:b', '/a:/b:r:x']) assert.throws(() => parseDevice(text), text);
  });
  test('hosts', () => {
    assert.equal(checkExtraHost('a:::1'), 'a:::1');
    assert.equal(checkExtraHost('a=[::1]'), 'a:::1');
    assert.equal(checkExtraHost('a:host-gateway'), 'a:host-gateway');
    assert.throws(() => checkExtraHost('a:300.1.1.1'), {
      message: 'invalid IP address in add-host: "300.1.1.1"',
    });
  });
  test('the default tag', () => {
    assert.equal(withTag('localhost:5000/x'), 'localhost:5000/x:latest');
    assert.equal(withTag('x:1'), 'x:1');
    assert.equal(withTag('x@sha256:00'), 'x@sha256:00');
  });
});

suite('exit codes of a container that did not start', () => {
  const table: readonly [string, number][] = [
    ['exec: "nope": executable file not found in $PATH: unknown', 127],
    ['stat /nope: no such file or directory: unknown', 127],
    ['exec: "/etc": permission denied: unknown', 126],
    ['exec: "/etc": is a directory: unknown', 126],
    ['Conflict. The container name "/x" is already in use', 125],
  ];
  for (const [message, status] of table) {
    test(message, () => assert.equal(startFailureStatus(new Error(message)), status));
  }
});

suite('ports that docker would refuse', () => {
  const refusals: readonly [string[], RegExp][] = [
    [['-p', 'x'], /^invalid containerPort: x$/],
    [['-p', 'x:80'], /^invalid hostPort: x$/],
    [['-p', '80/icmp'], /^invalid proto: icmp$/],
    [['-p', 'host:1:2'], /^invalid IP address: host$/],
    [['-p', '1-2:3-5'], /^invalid ranges specified for container and host Ports: 3-5 and 1-2$/],
    [['-p', '70000'], /^invalid containerPort: 70000$/],
    [['-p', 'published=1'], /^no port specified: 1:\/tcp<empty>$/],
    [['--expose', '1:2'], /^invalid port format for --expose: 1:2$/],
  ];
  for (const [words, message] of refusals) {
    test(words.join(' '), () => assert.throws(() => bodyOf(...words, 'x'), { message }));
  }
});
