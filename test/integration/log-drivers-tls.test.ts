import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { makeAuthority, type Authority } from '../lib/certificates.ts';
import { eventually } from '../lib/process.ts';
import { daemonSuite } from '../lib/suite.ts';
import { startSyslog } from '../lib/syslog.ts';

const PORT = '6514';

daemonSuite(
  'syslog over TLS',
  (daemon) => {
    let directory = '';
    let [ours, others]: Authority[] = [];
    let server = { cert: '', key: '' };
    let client = { cert: '', key: '' };
    before(async () => {
      directory = await mkdtemp('/tmp/w-tls-');
      [ours, others] = [await makeAuthority(directory), await makeAuthority(directory, 'other')];
      [server, client] = [await ours.issue('server', 'serverAuth'), await ours.issue('boat', 'clientAuth')];
    });
    after(() => rm(directory, { recursive: true, force: true }));

    const run = (options: Readonly<Record<string, string>>, ...command: string[]): Promise<string> =>
      daemon().dockerOk(
        ...['run', '-d', '--log-driver', 'syslog', '--log-opt', `syslog-address=tcp+tls://127.0.0.1:${PORT}`],
        ...Object.entries(options).flatMap(([name, value]) => ['--log-opt', `${name}=${value}`]),
        ...['busybox', ...command],
      );

    test('lines come once and in order, each led by its length with RFC 5424', async () => {
      await using syslog = await startSyslog(daemon(), 'tls', PORT, server.cert, server.key);
      const tls = { 'syslog-tls-ca-cert': ours?.ca ?? '', 'syslog-format': 'rfc5424micro', tag: 't' };
      await run(tls, 'seq', '1', '200');
      await eventually('all lines came', () => syslog.messages().length >= 200);
      for (const [index, message] of syslog.messages().entries()) {
        const [, length, rest = ''] = /^(\d+) (.*)$/.exec(message) ?? [];
        assert.equal(Number(length), Buffer.byteLength(rest) + 1);
        assert.match(rest, new RegExp(`^<30>1 .* t \\d+ t - ${index + 1}$`));
      }
    });

    test('a receiver that asks who sends is shown the certificate', async () => {
      await using syslog = await startSyslog(
        daemon(),
        'tls',
        ...[PORT, server.cert, server.key, ours?.ca ?? ''],
      );
      const pair = { 'syslog-tls-cert': client.cert, 'syslog-tls-key': client.key };
      await run({ ...pair, 'syslog-tls-ca-cert': ours?.ca ?? '', tag: 't' }, 'echo', 'hello');
      await eventually('the line came', () => syslog.messages().length >= 2);
      const [who, line = ''] = syslog.messages();
      assert.equal(who, 'client boat');
      assert.match(line, /^<30>.* t\[\d+\]: hello$/);
    });

    test('one of another authority gets nothing until it is not looked at', async () => {
      await using syslog = await startSyslog(daemon(), 'tls', PORT, server.cert, server.key);
      const id = await run({ 'syslog-tls-ca-cert': others?.ca ?? '' }, 'echo', 'secret');
      await eventually('it is told', async () =>
        new RegExp(`wait for their receiver container=${id}.*certificate`).test(await daemon().log()),
      );
      assert.equal(await daemon().dockerOk('logs', id), 'secret');
      await run({ 'syslog-tls-skip-verify': 'true' }, 'echo', 'open');
      await eventually('the other line came', () => syslog.messages().length > 0);
      assert.match(syslog.messages().join('\n'), /^<30>[^\n]*: open$/);
    });

    test('a receiver that comes back gets what was written meanwhile', async () => {
      const tls = { 'syslog-tls-ca-cert': ours?.ca ?? '', tag: 't' };
      const script = 'echo before; until [ -e /go ]; do sleep 0.1; done; seq 1 50';
      const first = await startSyslog(daemon(), 'tls', PORT, server.cert, server.key);
      const id = await run(tls, 'sh', '-c', script);
      await eventually('the first line came', () => first.messages().length === 1);
      await first[Symbol.asyncDispose]();
      await daemon().dockerOk('exec', id, 'touch', '/go');
      await daemon().dockerOk('wait', id);
      await using second = await startSyslog(daemon(), 'tls', PORT, server.cert, server.key);
      await eventually('the last line came', () => second.messages().at(-1)?.endsWith(': 50') === true);
    });

    test('files that are not there, and what is no option, are refused or told', async () => {
      const refused = await daemon().docker(
        ...['create', '--log-driver', 'syslog', '--log-opt', 'syslog-tls-nothing=x', 'busybox'],
      );
      assert.match(refused.stderr, /unknown log opt 'syslog-tls-nothing' for syslog log driver/);
      const id = await run({ 'syslog-tls-ca-cert': join(directory, 'none.pem') }, 'echo', 'x');
      await eventually('it is told', async () =>
        new RegExp(`container=${id}.*ENOENT.*none.pem`).test(await daemon().log()),
      );
    });
  },
  { needs: ['openssl'] },
);
