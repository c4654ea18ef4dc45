import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { exec } from '../lib/process.ts';
import { rest } from '../lib/rest.ts';
import { daemonSuite } from '../lib/suite.ts';

const QUIET_MS = 300;
const PATIENCE_MS = 5000;

/** Sends bytes as they are; all that came until the other side ended, or nothing more came. */
function talk(socket: string, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const client = connect({ path: socket, allowHalfOpen: true });
    let answer = '';
    const done = (): void => {
      client.destroy();
      resolve(answer);
    };
    let timer = setTimeout(done, PATIENCE_MS);
    client.on('data', (data: Buffer) => {
      answer += data.toString('latin1');
      clearTimeout(timer);
      timer = setTimeout(done, QUIET_MS);
    });
    client.on('end', done).on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE' || error.code === 'ECONNRESET') done();
      else reject(error);
    });
    client.write(bytes, 'latin1');
  });
}

const BODY = '{"Image":"busybox","Cmd":["true"]}';
/** A whole request inside of another's body. */
const HIDDEN = [
  'POST /containers/create?name=smuggled HTTP/1.1',
  'Host: x',
  'Content-Type: application/json',
  `Content-Length: ${BODY.length}`,
  '',
  BODY,
].join('\r\n');
const LENGTH = `Content-Length: ${HIDDEN.length}`;
const CHUNKED = 'Transfer-Encoding: chunked';
const LAST = `0\r\n\r\n${HIDDEN}`;

const post = (headers: readonly string[], body: string, end = '\r\n'): string =>
  ['POST /auth HTTP/1.1', 'Host: x', ...headers, '', body].join(end);

/** Two readers of these would find two different requests in them. */
const AMBIGUOUS: readonly (readonly [what: string, bytes: string])[] = [
  ['a length and chunks', post(['Content-Length: 4', CHUNKED], LAST)],
  ['chunks and a length', post([CHUNKED, 'Content-Length: 4'], LAST)],
  ['two lengths', post(['Content-Length: 0', LENGTH], HIDDEN)],
  ['a list of lengths', post([`Content-Length: 0, ${HIDDEN.length}`], HIDDEN)],
  ['a length with a sign', post([`Content-Length: +${HIDDEN.length}`], HIDDEN)],
  ['a blank before the colon', post([`Content-Length : ${HIDDEN.length}`], HIDDEN)],
  ['an unknown coding', post(['Transfer-Encoding: xchunked'], LAST)],
  ['chunked not last', post(['Transfer-Encoding: chunked, identity'], LAST)],
  ['a vertical tab', post(['Transfer-Encoding:\u000bchunked'], LAST)],
  ['a folded header', post(['X: a', ' b', 'Content-Length: 0'], HIDDEN)],
  ['a folded coding', post(['Transfer-Encoding:', ' chunked', 'Content-Length: 5'], LAST)],
  ['bare line feeds', post(['Content-Length: 0'], HIDDEN, '\n')],
  ['a bare line feed', post(['X: y\nContent-Length: 5', 'Content-Length: 0'], HIDDEN)],
  ['a bare carriage return', post(['X: y\rContent-Length: 5', 'Content-Length: 0'], HIDDEN)],
  ['a NUL', post(['X: y\0z'], HIDDEN)],
  ['a line feed in a chunk’s extension', post([CHUNKED], `0;a\nb\r\n\r\n${HIDDEN}`)],
  ['line feeds after chunks', post([CHUNKED], `1\nx\n0\n\n${HIDDEN}`)],
  ['a chunk of 2^68 bytes', post([CHUNKED], `fffffffffffffffff1\r\nx\r\n${LAST}`)],
];

const heads = (answer: string): string[] => answer.match(/HTTP\/1\.1 \d{3}/g) ?? [];

daemonSuite(
  'threats: the door',
  (daemon) => {
    const assertNothingMade = async (what: string): Promise<void> => {
      const list = await rest(daemon().socket, 'GET', { path: '/containers/json?all=1' });
      assert.doesNotMatch(list.text, /smuggled/, what);
    };

    test('21: a request that can be read in two ways is refused, and its connection closed', async () => {
      await Promise.all(
        AMBIGUOUS.map(async ([what, bytes]) => {
          assert.deepEqual(heads(await talk(daemon().socket, bytes)), ['HTTP/1.1 400'], what);
        }),
      );
      await assertNothingMade('ambiguous');
    });

    test('21: a body is a body, also of a GET, and of what is refused', async () => {
      for (const line of [
        'GET /_ping',
        'HEAD /_ping',
        'GET /nosuch',
        'DELETE /containers/x',
        'POST /nosuch',
      ]) {
        const answer = await talk(
          daemon().socket,
          `${line} HTTP/1.1\r\nHost: x\r\n${LENGTH}\r\n\r\n${HIDDEN}`,
        );
        assert.equal(heads(answer).length, 1, line);
      }
      await assertNothingMade('bodies');
    });

    test('21: what comes behind a hijack is the stream’s, and never a request', async () => {
      const id = await daemon().dockerOk('run', '-d', '-i', 'busybox', 'sh', '-c', 'cat > /got; sleep 1000');
      const line = `POST /containers/${id}/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: x\r\n`;
      for (const upgrade of ['', 'Connection: Upgrade\r\nUpgrade: tcp\r\n']) {
        for (const length of ['', 'Content-Length: 0\r\n']) {
          const answer = await talk(daemon().socket, `${line}${upgrade}${length}\r\n${HIDDEN}`);
          // Without the header node's parser has read on: the connection is dropped.
          assert.equal(heads(answer).length, upgrade === '' ? 0 : 1, answer);
        }
      }
      const refused = await talk(
        daemon().socket,
        `POST /containers/nosuch/attach?stream=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n${HIDDEN}`,
      );
      assert.deepEqual(heads(refused), []);
      await assertNothingMade('hijacked');
      assert.match(await daemon().dockerOk('exec', id, 'cat', '/got'), /smuggled/);
    });

    test('21: the length that is stated is the one that is read, up to the limit and beyond', async () => {
      const json = (body: string): string =>
        `POST /containers/create?name=smuggled HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n${body}`;
      const none = await talk(daemon().socket, json(`Content-Length: 0\r\n\r\n${BODY}`));
      assert.deepEqual(heads(none), ['HTTP/1.1 400']);
      const missing = await talk(daemon().socket, json(`\r\n${BODY}`));
      assert.deepEqual(heads(missing)[0], 'HTTP/1.1 400');
      const tooLong = await talk(
        daemon().socket,
        json(`${CHUNKED}\r\n\r\n1100000\r\n${' '.repeat(0x1100000)}\r\n0\r\n\r\n`),
      );
      assert.match(tooLong, /400|^$/);
      await assertNothingMade('lengths');
    });

    test('21: a path that is no URI is refused, and ends nothing', async () => {
      for (const path of [
        '/containers/%zz/attach',
        '/exec/%/start',
        '/containers/%ff/start',
        '/v1.40/containers/%/attach',
      ]) {
        const answer = await talk(
          daemon().socket,
          `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n`,
        );
        assert.match(answer, /^HTTP\/1\.1 4\d\d/, path);
      }
      const websocket =
        '/containers/%zz/attach/ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket';
      assert.match(await talk(daemon().socket, `GET ${websocket}\r\n\r\n`), /^HTTP\/1\.1 4\d\d/);
      assert.ok(daemon().isAlive());
    });

    test('22: no abstract sockets, and nothing of the daemon is open to an unprivileged user', async () => {
      await daemon().dockerOk('run', '-d', 'busybox', 'sleep', '1000');
      const net = await readFile(`/proc/${daemon().pid}/net/unix`, 'utf8');
      assert.doesNotMatch(net, / @/);
      assert.equal((await stat(daemon().socket)).mode & 0o007, 0);
      for (const root of [daemon().dataRoot, daemon().execRoot]) {
        const top = (await stat(root)).mode & 0o777;
        const below = (await readdir(root, { withFileTypes: true })).filter(
          (entry) => !entry.isSymbolicLink(),
        );
        // What a pid file says is no secret: everybody may list processes.
        for (const entry of below.filter(({ name }) => name !== 'wherryd.pid')) {
          const { mode } = await stat(join(root, entry.name));
          const open = (top & 0o001) === 0 ? 0 : mode & 0o066;
          assert.equal(open, 0, `${root}/${entry.name} is ${(mode & 0o777).toString(8)}`);
        }
        assert.ok([0o700, 0o710, 0o711].includes(top), `${root} is ${top.toString(8)}`);
      }
      const reach =
        'find "$0" "$1" -mindepth 2 2>/dev/null; curl -s --max-time 2 --unix-socket "$2" http://x/_ping';
      const places = [daemon().dataRoot, daemon().execRoot, daemon().socket];
      const found = await exec([
        'setpriv',
        '--reuid=65534',
        '--regid=65534',
        '--clear-groups',
        'sh',
        '-c',
        reach,
        ...places,
      ]);
      assert.equal(found.stdout, '');
    });

    test('31: secrets are in no line of the daemon’s log', async () => {
      const secret = (kind: string): string => `planted-${kind}-0123456789`;
      const planted = ['env', 'label', 'arg', 'execenv', 'header', 'log', 'password', 'token', 'message'].map(
        secret,
      );
      const id = await daemon().dockerOk(
        ...['run', '-d', '-e', `A=${secret('env')}`, '-l', `l=${secret('label')}`],
        ...['busybox', 'sh', '-c', `sleep 1000; : ${secret('arg')}`],
      );
      await daemon().docker('exec', '-e', `B=${secret('execenv')}`, id, 'sh', '-c', `echo ${secret('log')}`);
      await daemon().docker('exec', '-e', `B=${secret('execenv')}`, id, '/no/such', secret('arg'));
      await daemon().docker('run', '-e', `A=${secret('env')}`, 'busybox', '/no/such');
      const auth = {
        username: 'u',
        password: secret('password'),
        identitytoken: secret('token'),
        serveraddress: '127.0.0.1:9',
      };
      await rest(daemon().socket, 'POST', { path: '/auth', body: auth });
      const header = Buffer.from(JSON.stringify(auth)).toString('base64url');
      for (const path of [
        '/images/create?fromImage=127.0.0.1:9/x&tag=1',
        '/images/127.0.0.1:9/x/push?tag=1',
      ]) {
        await talk(
          daemon().socket,
          `POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Registry-Auth: ${header}\r\nX-Other: ${secret('header')}\r\nContent-Length: 0\r\n\r\n`,
        );
      }
      await rest(daemon().socket, 'POST', {
        path: '/containers/create',
        body: { Image: 'busybox', Env: [secret('env')], Nonsense: secret('message') },
      });
      const log = await daemon().log();
      for (const text of [...planted, header]) assert.ok(!log.includes(text), text.slice(0, 40));
    });
  },
  { args: ['--log-level', 'debug'] },
);
