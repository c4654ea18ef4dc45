import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually } from '../lib/process.ts';
import { daemonSuite } from '../lib/suite.ts';
import { startSyslog, type SyslogKind } from '../lib/syslog.ts';

const PORT = '5514';

/** What follows header, pid and so on. */
const bodies = (messages: readonly string[]): string[] => messages.map((each) => each.replace(/^.*?: /, ''));
const upTo = (count: number): string[] => Array.from({ length: count }, (_, i) => String(i + 1));

daemonSuite('forwarded logs', (daemon) => {
  const whereOf = (kind: SyslogKind): string =>
    kind.startsWith('unix') ? join(daemon().directory, 'c', kind) : PORT;
  const addressOf = (kind: SyslogKind): string =>
    kind.startsWith('unix') ? `${kind}://${whereOf(kind)}` : `${kind}://127.0.0.1:${PORT}`;
  const syslog = (kind: SyslogKind, ...options: string[]): string[] => [
    ...['--log-driver', 'syslog', '--log-opt', `syslog-address=${addressOf(kind)}`],
    ...options.flatMap((option) => ['--log-opt', option]),
  ];

  test('one that is removed at its end delivers first; a dead receiver does not keep it', async () => {
    await using server = await startSyslog(daemon(), 'unix', whereOf('unix'));
    await daemon().dockerOk('run', '--rm', ...syslog('unix'), 'busybox', 'seq', '1', '2000');
    await eventually('the lines came', () => server.messages().length >= 2000);
    assert.deepEqual(bodies(server.messages()), upTo(2000));
    await daemon().dockerOk('run', '--rm', ...syslog('tcp'), 'busybox', 'echo', 'nobody');
    await eventually('it is gone', async () => (await daemon().dockerOk('ps', '-aq')) === '');
    assert.match(await daemon().log(), /did not reach their receiver/);
  });

  test('rotation goes on beneath a receiver', async () => {
    await using server = await startSyslog(daemon(), 'tcp', PORT);
    const flags = syslog('tcp', 'cache-max-size=20k', 'cache-max-file=3');
    const script = 'for i in 1 2 3 4 5; do seq $((i*100-99)) $((i*100)); sleep 0.5; done';
    await daemon().dockerOk('run', '-d', ...flags, 'busybox', 'sh', '-c', script);
    await eventually('the lines came', () => server.messages().length >= 500);
    assert.deepEqual(bodies(server.messages()), upTo(500));
  });

  test('a dead receiver holds nobody up, and gets all when it comes, also from a new daemon', async () => {
    const script = 'seq 1 300; until [ -e /go ]; do sleep 0.1; done; seq 301 600';
    const flags = syslog('tcp');
    const id = await daemon().dockerOk('run', '-d', ...flags, 'busybox', 'sh', '-c', script);
    await eventually('it ran on', async () => (await daemon().dockerOk('logs', id)).endsWith('\n300'));
    await daemon().kill9();
    await daemon().restart();
    await daemon().dockerOk('exec', id, 'touch', '/go');
    assert.equal(await daemon().dockerOk('wait', id), '0');
    await daemon().kill9();
    await using server = await startSyslog(daemon(), 'tcp', PORT);
    await daemon().restart();
    await eventually('the lines came', () => server.messages().length >= 600);
    assert.deepEqual(bodies(server.messages()), upTo(600));
    // All is delivered: the next daemon has nothing to add.
    await daemon().stop();
    await daemon().restart();
    await daemon().dockerOk('run', '--rm', ...flags, 'busybox', 'echo', 'last');
    await eventually('the last line came', () => server.messages().length > 600);
    assert.deepEqual(bodies(server.messages()), [...upTo(600), 'last']);
  });

  test('daemons that are killed at work lose nothing', async () => {
    await using server = await startSyslog(daemon(), 'unixgram', whereOf('unixgram'));
    const script =
      'i=0; while [ $i -lt 1500 ]; do i=$((i+1)); echo $i; [ $((i % 50)) = 0 ] && sleep 0.1; done';
    await daemon().dockerOk('run', '-d', ...syslog('unixgram'), 'busybox', 'sh', '-c', script);
    for (const seen of [100, 500, 900]) {
      await eventually('some lines came', () => server.messages().length >= seen);
      await daemon().kill9();
      await daemon().restart();
    }
    await eventually('the last line came', () => bodies(server.messages()).includes('1500'), 30_000);
    const came = bodies(server.messages()).map(Number);
    assert.deepEqual([...new Set(came)], upTo(1500).map(Number));
    // A batch whose place was not saved yet comes twice: one for each daemon that was killed, at most.
    assert.ok(came.length <= 1500 + 3 * 64, `${came.length} messages`);
  });

  test('a daemon that dies between a delivery and its record delivers that batch again, and no other', async () => {
    await daemon().kill9();
    await daemon().restart({ failpoint: 'log.forward.sent=kill' });
    await using server = await startSyslog(daemon(), 'unix', whereOf('unix'));
    const script = 'seq 1 200';
    await daemon().docker('run', '-d', ...syslog('unix'), 'busybox', 'sh', '-c', script);
    await daemon().exited();
    await daemon().restart();
    await eventually('the lines came', () => bodies(server.messages()).includes('200'));
    const came = bodies(server.messages());
    const again = came.length - 200;
    assert.ok(again > 0 && again <= 64, `${again} lines came twice`);
    assert.deepEqual(came, [...upTo(again), ...upTo(200)]);
  });

  test('a daemon that dies while it compresses leaves every line once', async () => {
    await daemon().kill9();
    await daemon().restart({ failpoint: 'log.pack.named=kill' });
    const options = ['compress=true', 'max-size=10k', 'max-file=5'].flatMap((each) => ['--log-opt', each]);
    const script = 'i=0; while [ $i -lt 400 ]; do seq $((i+1)) $((i+=50)); sleep 0.1; done; sleep 1000';
    const id = await daemon().dockerOk('run', '-d', ...options, 'busybox', 'sh', '-c', script);
    await daemon().exited();
    await daemon().restart();
    assert.equal(await daemon().dockerOk('logs', id), upTo(400).join('\n'));
  });
});
