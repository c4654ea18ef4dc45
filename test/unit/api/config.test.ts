import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeConfig, type DaemonConfig } from '../../../daemon/config.ts';
import { parseConfig } from '../../../daemon/config/file.ts';
import { parseFlags } from '../../../daemon/config/flags.ts';

const config = (file: object, ...flags: string[]): DaemonConfig =>
  makeConfig(parseConfig(JSON.stringify(file), 'daemon.json'), parseFlags(flags).values);

test("nothing said is docker's default in our places", () => {
  const made = config({});
  assert.deepEqual(made.hosts, ['unix:///var/run/wherry.sock']);
  assert.equal(made.dataRoot, '/var/lib/wherry');
  assert.equal(made.execRoot, '/run/wherry');
  assert.equal(made.pidfile, '/run/wherry/wherryd.pid');
  assert.equal(made.shmSizeBytes, 67_108_864);
  assert.equal(made.logLevel, 'info');
  assert.ok(Object.isFrozen(made) && Object.isFrozen(made.networks) && Object.isFrozen(made.hosts));
});

test('the file wins over defaults, a flag over the file', () => {
  const cases: [file: object, flags: string[], read: (made: DaemonConfig) => unknown, value: unknown][] = [
    [{ mtu: 1400 }, [], (c) => c.networks.mtu, 1400],
    [{ mtu: 1400 }, ['--mtu', '1300'], (c) => c.networks.mtu, 1300],
    [{ 'ip-masq': false }, [], (c) => c.networks.ipMasq, false],
    [{ 'ip-masq': false }, ['--ip-masq'], (c) => c.networks.ipMasq, true],
    [{}, ['--ip-masq=false'], (c) => c.networks.ipMasq, false],
    [
      { hosts: ['unix:///a'] },
      ['-H', '/b', '-H', 'fd://', '-H', '/b'],
      (c) => c.hosts,
      ['unix:///b', 'fd://'],
    ],
    [{ debug: true }, [], (c) => c.logLevel, 'debug'],
    [{ 'log-level': 'warn' }, ['-D'], (c) => c.logLevel, 'debug'],
    [{ 'exec-root': '/r' }, [], (c) => c.pidfile, '/r/wherryd.pid'],
    [{ 'exec-root': '/r' }, ['-p', '/x'], (c) => c.pidfile, '/x'],
    [{ dns: ['1.1.1.1'] }, ['--dns', '::1'], (c) => c.networks.dns, ['::1']],
    [
      { 'default-address-pools': [{ base: '10.0.0.0/8', size: 24 }] },
      [],
      (c) => c.networks.addressPools,
      [{ base: '10.0.0.0/8', size: 24 }],
    ],
    [
      {},
      ['--default-address-pool', 'base=10.0.0.0/8,size=24'],
      (c) => c.networks.addressPools,
      [{ base: '10.0.0.0/8', size: 24 }],
    ],
    [
      { 'log-opts': { 'max-size': '1m' } },
      ['--log-opt', 'max-file=2'],
      (c) => c.logOptions,
      { 'max-file': '2' },
    ],
    [{ 'default-shm-size': '1g' }, [], (c) => c.shmSizeBytes, 2 ** 30],
    [{ 'default-shm-size': '1.5KB' }, [], (c) => c.shmSizeBytes, 1536],
    [{ 'seccomp-profile': 'builtin' }, [], (c) => c.seccompProfile, undefined],
    [
      {},
      ['--bridge', 'br9', '--bip', '10.9.0.1/24'],
      (c) => [c.networks.bridgeName, c.networks.bip],
      ['br9', '10.9.0.1/24'],
    ],
    [
      { 'default-ulimits': { nofile: { Name: 'nofile', Soft: 1, Hard: 2 } } },
      [],
      (c) => c.ulimits,
      [{ name: 'nofile', soft: 1, hard: 2 }],
    ],
    [{}, ['--default-ulimit', 'nproc=5'], (c) => c.ulimits, [{ name: 'nproc', soft: 5, hard: 5 }]],
    [
      { 'live-restore': true, 'storage-driver': 'overlay2', features: { buildkit: true } },
      [],
      (c) => c.labels,
      [],
    ],
    [{ mtu: null }, [], (c) => c.networks.mtu, 1500],
    [{ hosts: ['tcp://h'] }, [], (c) => [c.hosts, c.tls, c.plainTcp], [['tcp://h:2375'], undefined, false]],
    [{ hosts: ['tcp://[::1]'] }, ['--tls'], (c) => [c.hosts, c.tls?.verify], [['tcp://[::1]:2376'], false]],
    [
      { hosts: ['tcp://h:1'], tlscacert: '/a', tlscert: '/b', tlskey: '/c' },
      ['--tlsverify'],
      (c) => [c.hosts, c.tls],
      [['tcp://h:1'], { verify: true, ca: '/a', cert: '/b', key: '/c' }],
    ],
    [{ tls: false }, [], (c) => [c.tls, c.plainTcp], [undefined, true]],
    [{ tls: false, tlsverify: true }, [], (c) => c.tls?.verify, true],
  ];
  for (const [file, flags, read, value] of cases) {
    assert.deepEqual(read(config(file, ...flags)), value, `${JSON.stringify(file)} ${flags.join(' ')}`);
  }
});

test("what can't be is refused by its name", () => {
  const cases: [file: object, flags: string[], message: RegExp][] = [
    [
      { colour: 1, debug: true, size: 2 },
      [],
      /unknown keys: .*don't match any configuration option: colour, size$/,
    ],
    [{ mtu: '1400' }, [], /"mtu" must be an integer/],
    [{ hosts: 'unix:///a' }, [], /"hosts" must be a list/],
    [{ 'log-opts': { a: 1 } }, [], /"log-opts": the value of "a" must be a string/],
    [{ 'userns-remap': 'default' }, [], /"userns-remap" is not supported yet with the value "default"/],
    [{ 'live-restore': false }, [], /"live-restore" is not supported yet with the value false/],
    [{ 'storage-driver': 'btrfs' }, [], /"storage-driver" is not supported yet with the value "btrfs"/],
    [{ 'exec-opts': ['native.cgroupdriver=systemd'] }, [], /"exec-opts" is not supported yet/],
    [{ tlscert: 'c.pem', tls: true }, [], /"tlscert" is "c.pem", it must be an absolute path/],
    [{ 'data-root': 'here' }, [], /"data-root" is "here", it must be an absolute path/],
    [{ 'log-level': 'loud' }, [], /"log-level" is "loud", it must be one of debug, /],
    [{ mtu: 1 }, [], /"mtu" is 1, it must be between 68 and 65535/],
    [{ dns: ['example.org'] }, [], /"dns" is \["example.org"\], it must be a list of IP addresses/],
    [{ hosts: ['http://x'] }, [], /Invalid host "http:\/\/x"/],
    [{ 'default-shm-size': 'big' }, [], /"default-shm-size" is "big"/],
    [{ 'default-ulimits': { odd: '1' } }, [], /there is no limit "odd"/],
    [{}, ['--default-ulimit', 'nofile=5:4'], /soft limit must be less than or equal to hard limit: 5 > 4/],
    [{}, ['--mtu', 'x'], /invalid argument "x" for "--mtu" flag/],
    [{}, ['--debug=maybe'], /invalid argument "maybe" for "--debug" flag/],
    [{}, ['--no-such-flag'], /no-such-flag/],
    [{}, ['run'], /knows no command "run"/],
  ];
  for (const [file, flags, message] of cases) {
    assert.throws(() => config(file, ...flags), { message }, `${JSON.stringify(file)} ${flags.join(' ')}`);
  }
  for (const text of ['{', '[]', '"x"'])
    assert.throws(() => parseConfig(text, 'daemon.json'), { code: 'invalid-argument' });
  assert.deepEqual([...parseConfig('\uFEFF{"mtu":1400}', 'daemon.json')], [['mtu', 1400]]);
});

test('words that are no options', () => {
  assert.equal(parseFlags([]).verb, 'serve');
  assert.equal(parseFlags(['check']).verb, 'check');
  assert.equal(parseFlags(['--version']).verb, 'version');
  assert.equal(parseFlags(['-h']).verb, 'help');
  assert.equal(parseFlags(['--validate', '--config-file', '/x']).configFile, '/x');
});

test('runtimes, and which of them is the default', () => {
  const runtimes = { crun: { path: '/usr/bin/crun', runtimeArgs: ['--debug'] }, runc: { path: 'runc' } };
  const made = config({ runtimes, 'default-runtime': 'crun' });
  assert.deepEqual(made.runtimes, {
    crun: { path: '/usr/bin/crun', args: ['--debug'] },
    runc: { path: 'runc', args: [] },
  });
  assert.equal(made.defaultRuntime, 'crun');
  assert.equal(config({}).defaultRuntime, 'runc');
  assert.deepEqual(config({}, '--add-runtime', 'own=/a').runtimes, { own: { path: '/a', args: [] } });
  const refused: [file: object, text: RegExp][] = [
    [{ 'default-runtime': 'nobody' }, /specified default runtime 'nobody' does not exist/],
    [{ runtimes: { x: {} } }, /"x" must have a path/],
    [{ runtimes: { x: { path: 'a/b' } } }, /"x" has the path "a\/b", it must be absolute/],
    [{ runtimes: { x: { path: '/a', runtimeArgs: [1] } } }, /"x" must have runtimeArgs/],
    [{ runtimes: { x: { path: '/a', nosuch: 1 } } }, /"x" has unknown keys: nosuch/],
    [{ runtimes: { x: { runtimeType: 'io.containerd.kata.v2' } } }, /"x" is a shim of containerd's/],
    [{ runtimes: { x: null } }, /"x" must be an object/],
  ];
  for (const [file, text] of refused) assert.throws(() => config(file), text);
});
