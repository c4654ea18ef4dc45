import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { eventually } from '../lib/process.ts';
import { daemonSuite } from '../lib/suite.ts';
import { startSyslog, type SyslogKind } from '../lib/syslog.ts';

const PORT = '5514';

/** What follows header, pid and so on. */
const bodies = (messages: readonly string[]): string[] => messages.map((each) => each.replace(/^.*?: /, ''));
const upTo = (count: number): string[] => Array.from({ length: count }, (_, i) => String(i + 1));

daemonSuite('log drivers', (daemon) => {
  const whereOf = (kind: SyslogKind): string =>
    kind.startsWith('unix') ? join(daemon().directory, 'c', kind) : PORT;
  const addressOf = (kind: SyslogKind): string =>
    kind.startsWith('unix') ? `${kind}://${whereOf(kind)}` : `${kind}://127.0.0.1:${PORT}`;
  const syslog = (kind: SyslogKind, ...options: string[]): string[] => [
    ...['--log-driver', 'syslog', '--log-opt', `syslog-address=${addressOf(kind)}`],
    ...options.flatMap((option) => ['--log-opt', option]),
  ];

  for (const kind of ['tcp', 'udp', 'unix', 'unixgram'] as const) {
    test(`syslog over ${kind}: every line once, in order, and docker logs has them too`, async () => {
      await using server = await startSyslog(daemon(), kind, whereOf(kind));
      const script = 'seq 1 100; echo; sleep 0.2; echo bad >&2';
      const flags = syslog(kind, 'tag={{.Name}}/{{.ImageName}}', 'syslog-facility=local3');
      const id = await daemon().dockerOk(
        'run',
        '-d',
        '--name',
        'xx',
        ...flags,
        'busybox',
        'sh',
        '-c',
        script,
      );
      await eventually('the lines came', () => server.messages().length >= 101);
      const messages = server.messages();
      assert.match(messages[0] ?? '', /^<158>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d xx\/busybox\[\d+\]: 1$/);
      assert.match(messages.at(-1) ?? '', /^<155>.*: bad$/);
      assert.deepEqual(bodies(messages), [...upTo(100), 'bad']);
      assert.equal((await daemon().run('docker', 'logs', id)).stderr, 'bad\n');
      assert.equal(await daemon().dockerOk('inspect', '-f', '{{.LogPath}}', id), '');
    });
  }

  test('the formats of RFC 3164 and RFC 5424', async () => {
    await using server = await startSyslog(daemon(), 'tcp', PORT);
    const zone = '(Z|[+-]\\d\\d:\\d\\d)';
    const date = '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d';
    const cases: [format: string, expected: string][] = [
      ['rfc3164', `^<30>[A-Z][a-z]{2} [ \\d]\\d \\d\\d:\\d\\d:\\d\\d \\S+ t\\[\\d+\\]: hello$`],
      ['rfc5424', `^<30>1 ${date}${zone} \\S+ t \\d+ t - hello$`],
      ['rfc5424micro', `^<30>1 ${date}\\.\\d{6}${zone} \\S+ t \\d+ t - hello$`],
    ];
    for (const [index, [format, expected]] of cases.entries()) {
      const flags = syslog('tcp', 'tag=t', `syslog-format=${format}`);
      await daemon().dockerOk('run', '--rm', ...flags, 'busybox', 'echo', 'hello');
      await eventually('the line came', () => server.messages().length > index);
      assert.match(server.messages()[index] ?? '', new RegExp(expected));
    }
  });

  test('local keeps as json-file does; cache-disabled reads nothing', async () => {
    const local = await daemon().dockerOk('run', '-d', '--log-driver', 'local', 'busybox', 'echo', 'kept');
    await daemon().dockerOk('wait', local);
    assert.equal(await daemon().dockerOk('logs', local), 'kept');
    const id = await daemon().dockerOk(
      ...['create', ...syslog('udp', 'cache-disabled=true'), 'busybox', 'true'],
    );
    const refused = await daemon().run('docker', 'logs', id);
    assert.match(refused.stderr, /configured logging driver does not support reading/);
  });

  test('rotated files are compressed, and the readers see no difference', async () => {
    const options = ['compress=true', 'max-size=10k', 'max-file=5'].flatMap((each) => ['--log-opt', each]);
    // With pauses: files that begin at the same moment stay plain.
    const script =
      'i=0; while [ $i -lt 400 ]; do seq $((i+1)) $((i+=50)); sleep 0.1; done; until [ -e /go ]; do sleep 0.1; done; seq 401 500';
    const id = await daemon().dockerOk('run', '-d', ...options, 'busybox', 'sh', '-c', script);
    const directory = dirname(await daemon().dockerOk('inspect', '-f', '{{.LogPath}}', id));
    const packed = async (): Promise<number> =>
      (await readdir(directory)).filter((name) => name.endsWith('.gz')).length;
    await eventually('files are compressed', async () => (await packed()) >= 2, 30_000);
    assert.equal(await daemon().dockerOk('logs', id), upTo(400).join('\n'));
    await daemon().dockerOk('exec', id, 'touch', '/go');
    await daemon().dockerOk('wait', id);
    const kept = (await daemon().dockerOk('logs', id)).split('\n');
    assert.deepEqual(kept, upTo(500).slice(-kept.length));
    assert.equal(await daemon().dockerOk('logs', '--tail', '300', id), upTo(500).slice(-300).join('\n'));
  });

  test('what docker refuses at a create is refused in its words', async () => {
    const cases: [flags: string[], message: string][] = [
      [['--log-driver', 'nosuch'], "logger: no log driver named 'nosuch' is registered"],
      [['--log-opt', 'x=1'], "unknown log opt 'x' for json-file log driver"],
      [['--log-driver', 'local', '--log-opt', 'x=1'], "unknown log opt 'x' for log driver local"],
      [['--log-driver', 'syslog', '--log-opt', 'x=1'], "unknown log opt 'x' for syslog log driver"],
      [['--log-opt', 'mode=x'], 'logger: logging mode not supported: x'],
      [
        ['--log-opt', 'max-buffer-size=1m'],
        "logger: max-buffer-size option is only supported with 'mode=non-blocking'",
      ],
      [syslog('udp', 'syslog-facility=x'), 'invalid syslog facility'],
      [syslog('udp', 'syslog-format=x'), 'Invalid syslog format'],
      [
        ['--log-driver', 'syslog', '--log-opt', 'syslog-address=unix:///nosuch'],
        'stat /nosuch: no such file or directory',
      ],
    ];
    for (const [flags, message] of cases) {
      const { code, stderr } = await daemon().run('docker', 'create', ...flags, 'busybox', 'true');
      assert.equal(code, 1);
      assert.ok(stderr.includes(`Error response from daemon: ${message}`), `${message}: ${stderr}`);
    }
    const taken = ['--log-opt', 'mode=non-blocking', '--log-opt', 'max-buffer-size=4m'];
    await daemon().dockerOk('create', ...taken, 'busybox', 'true');
    assert.match(
      await daemon().dockerOk('info', '-f', '{{json .Plugins.Log}}'),
      /"journald","json-file","local",.*"syslog"/,
    );
  });

  test('labels, variables and the tag stand in each line, and logs --details shows them', async () => {
    const options = ['labels=tier', 'env=A', 'env-regex=^B', 'tag={{.Name}}'];
    const id = await daemon().dockerOk(
      ...['run', '-d', '--name', 'dd', '--label', 'tier=front end', '-e', 'A=1', '-e', 'BB=2'],
      ...options.flatMap((option) => ['--log-opt', option]),
      ...['busybox', 'echo', 'hello'],
    );
    await daemon().dockerOk('wait', id);
    assert.equal(await daemon().dockerOk('logs', '--details', id), 'A=1,BB=2,tag=dd,tier=front+end hello');
  });
});
