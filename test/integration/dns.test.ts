import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { execPath } from 'node:process';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { encode, RECURSION_DESIRED, type DecodedPacket, type RecordType } from 'dns-packet';
import { ended, eventually, execOk, start } from '../lib/process.ts';
import { daemonSuite } from '../lib/suite.ts';

const SERVER = fileURLToPath(import.meta.resolve('../lib/dns-server.ts'));
const ASKER = fileURLToPath(import.meta.resolve('../lib/dns-ask.ts'));

const OUTSIDE = '10.53.0.1';
/** An address of the host where nobody listens. */
const DEAD = '10.53.0.2';

interface Asked {
  readonly transport?: 'udp' | 'tcp';
  readonly edns?: number;
}

const question = (type: RecordType, name: string, edns?: number): string =>
  encode({
    type: 'query',
    id: 4711,
    flags: RECURSION_DESIRED,
    questions: [{ type, name }],
    additionals:
      edns === undefined
        ? []
        : [
            {
              ...{ type: 'OPT', name: '.', udpPayloadSize: edns, extendedRcode: 0, ednsVersion: 0 },
              ...{ flags: 0, flag_do: false, options: [] },
            },
          ],
  }).toString('hex');

function replyText(line: string): string {
  const packet = JSON.parse(line) as (DecodedPacket & { readonly rcode: string }) | null;
  if (packet === null) return 'nothing';
  const data = (packet.answers ?? []).map((each) => String((each as { data: unknown }).data)).sort();
  return [packet.rcode, ...(packet.flag_tc ? ['truncated'] : []), ...data].join(' ');
}

daemonSuite('dns', (daemon) => {
  const docker = (...args: string[]): Promise<string> => daemon().dockerOk(...args);
  const sleeper = (name: string, ...args: string[]): Promise<string> =>
    docker('run', '-d', '--name', name, ...args, 'busybox', 'sleep', '1000');
  const inDaemon = (...argv: string[]): string[] => [
    ...['nsenter', `--net=/proc/${daemon().netnsPid}/ns/net`, '--'],
    ...argv,
  ];
  const insideOf = async (container: string): Promise<string[]> => {
    const pid = await docker('inspect', '-f', '{{.State.Pid}}', container);
    return ['nsenter', `--net=/proc/${pid}/ns/net`, '--'];
  };
  const asker = async (container: string, ...args: string[]): Promise<string[]> => [
    ...(await insideOf(container)),
    ...[execPath, ASKER, ...args],
  ];
  /** For each question, `NOERROR 172.18.0.2 172.18.0.3`: how it went, and what was answered, sorted. */
  const askAll = async (
    container: string,
    questions: readonly (readonly [RecordType, string])[],
    { transport = 'udp', edns }: Asked = {},
  ): Promise<string[]> => {
    const messages = questions.map(([type, name]) => question(type, name, edns));
    const lines = await execOk(await asker(container, transport, '20000', ...messages));
    return lines.trim().split('\n').map(replyText);
  };
  const ask = async (
    container: string,
    asked: readonly [RecordType, string],
    how: Asked = {},
  ): Promise<string | undefined> => (await askAll(container, [asked], how))[0];
  const address = (container: string, network: string): Promise<string> =>
    docker('inspect', '-f', `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`, container);
  /** Without them, and their containers, whatever becomes of the story. */
  const withNetworks = async (names: readonly string[], story: () => Promise<void>): Promise<void> => {
    for (const name of names) await docker('network', 'create', ...name.split(' ').toReversed());
    try {
      await story();
    } finally {
      const ids = await docker('ps', '-aq');
      if (ids !== '') await docker('rm', '-f', ...ids.split('\n'));
      await docker('network', 'rm', ...names.map((name) => name.split(' ')[0] ?? ''));
    }
  };

  let server: ChildProcess;
  before(async () => {
    for (const each of [OUTSIDE, DEAD])
      await execOk(inDaemon('ip', 'address', 'add', `${each}/32`, 'dev', 'lo'));
    server = start(inDaemon(execPath, SERVER, OUTSIDE), {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    assert.ok(server.stdout !== null);
    await once(server.stdout, 'data');
    await daemon().mark();
  });
  after(async () => {
    server.kill('SIGKILL');
    await ended(server);
  });

  /** Of the host's, by the host's library: what Debian's programs ask with. */
  const HOSTS_LIBC = ['/usr', '/lib', '/lib64'].flatMap((path) => ['-v', `${path}:${path}:ro`]);

  for (const transport of ['udp', 'tcp'] as const) {
    test(`glibc's resolver finds what there is, first by ${transport}`, async () => {
      await withNetworks(['front'], async () => {
        await sleeper('web', '--network', 'front', '--network-alias', 'www');
        await sleeper('web2', '--network', 'front', '--network-alias', 'www');
        const options = transport === 'tcp' ? ['-e', 'RES_OPTIONS=use-vc'] : [];
        await sleeper('debian', '--network', 'front', '--dns', OUTSIDE, ...options, ...HOSTS_LIBC);
        const [web, web2] = [await address('web', 'front'), await address('web2', 'front')];
        const getent = async (...args: string[]): Promise<string> => {
          const { code, stdout } = await daemon().docker('exec', 'debian', '/usr/bin/getent', ...args);
          const found = new Set(stdout.split('\n').map((line) => line.split(/ +/)[0] ?? ''));
          return code === 0
            ? [...found]
                .filter((each) => each !== '')
                .toSorted()
                .join(' ')
            : `exit ${code}`;
        };
        assert.equal(await getent('ahostsv4', 'web'), web);
        assert.equal(await getent('ahostsv4', 'www'), [web, web2].toSorted().join(' '));
        assert.match(await docker('exec', 'debian', '/usr/bin/getent', 'hosts', web), / web\.front$/);
        assert.equal(await getent('ahostsv4', 'host.example'), '192.0.2.1');
        // Cut short in a datagram, and asked for again.
        assert.equal((await getent('ahostsv4', 'big.example')).split(' ').length, 100);
        assert.equal(await getent('ahostsv4', 'missing.example'), 'exit 2');
      });
    });
  }

  test('names, aliases and addresses of the networks that a container is in', async () => {
    await withNetworks(['front', 'back'], async () => {
      await sleeper('web', '--network', 'front', '--network-alias', 'www', '--hostname', 'host-of-web');
      await sleeper('web2', '--network', 'front', '--network-alias', 'www', '--dns', OUTSIDE);
      await sleeper('db', '--network', 'back');
      const [web, web2, db] = await Promise.all([
        address('web', 'front'),
        address('web2', 'front'),
        address('db', 'back'),
      ]);
      const id = (await docker('inspect', '-f', '{{.Id}}', 'web')).slice(0, 12);
      const reversed = web.split('.').reverse().join('.');
      const own = ['web', 'WEB', 'web.front', 'host-of-web', id].map((name) => ['A', name] as const);
      assert.deepEqual(
        await askAll('web2', [
          ...own,
          ['A', 'www'],
          ['AAAA', 'web'],
          ['TXT', 'web'],
          ['PTR', `${reversed}.in-addr.arpa`],
        ]),
        [
          ...own.map(() => `NOERROR ${web}`),
          `NOERROR ${[web, web2].sort().join(' ')}`,
          ...['NOERROR', 'NOERROR', 'NOERROR web.front'],
        ],
      );
      assert.equal(await ask('web2', ['A', 'web'], { transport: 'tcp' }), `NOERROR ${web}`);
      assert.match(await docker('exec', 'web2', 'nslookup', 'web'), new RegExp(`Address: ${web}\\b`));
      await docker('exec', 'web2', 'ping', '-c', '1', '-W', '5', 'www');

      await docker('network', 'connect', 'back', 'web2');
      assert.equal(await ask('web2', ['A', 'db']), `NOERROR ${db}`);
      await docker('network', 'disconnect', 'back', 'web2');
      assert.equal(await ask('web2', ['A', 'db']), 'NXDOMAIN');
      await docker('rename', 'web', 'site');
      assert.equal(await ask('web2', ['A', 'site']), `NOERROR ${web}`);
    });
  });

  test('addresses of a shared alias come in another order each time', async () => {
    await withNetworks(['front'], async () => {
      for (const name of ['one', 'two', 'three'])
        await sleeper(name, '--network', 'front', '--network-alias', 'all');
      const argv = await asker('one', 'udp', '20000', ...Array<string>(40).fill(question('A', 'all')));
      const first = (await execOk(argv))
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { answers: { data: string }[] }).answers[0]?.data);
      assert.equal(new Set(first).size, 3);
    });
  });

  test('other names are asked for outside, in the order of the servers, by UDP and TCP', async () => {
    await withNetworks(['front'], async () => {
      await sleeper('web', '--network', 'front', '--dns', DEAD, '--dns', OUTSIDE, '--dns-search', 'example');
      const outside = ['some', 'missing', 'broken', 'silent', 'big'].map(
        (name) => ['A', `${name}.example`] as const,
      );
      assert.deepEqual(await askAll('web', outside), [
        ...['NOERROR 192.0.2.1', 'NXDOMAIN', 'SERVFAIL', 'SERVFAIL', 'NOERROR truncated'],
      ]);
      assert.equal(await ask('web', ['A', 'some.example'], { transport: 'tcp' }), 'NOERROR 192.0.2.1');
      const big = await ask('web', ['A', 'big.example'], { transport: 'tcp', edns: 1232 });
      assert.equal(big?.split(' ').filter((each) => each.startsWith('192.0.2.')).length, 100);
      const conf = await docker('exec', 'web', 'cat', '/etc/resolv.conf');
      assert.match(conf, /^nameserver 127\.0\.0\.11\nsearch example\noptions ndots:0$/m);
      assert.match(
        conf,
        /^# ExtServers: \[10\.53\.0\.2 10\.53\.0\.1\]\n# Overrides: \[nameservers search\]$/m,
      );
      assert.match(await docker('exec', 'web', 'nslookup', 'some.example'), /Address: 192\.0\.2\.1\b/);
    });
  });

  test('questions wait while the daemon is restarted', async () => {
    await withNetworks(['front'], async () => {
      await sleeper('web', '--network', 'front', '--dns', OUTSIDE);
      const web = await address('web', 'front');
      const inside = await insideOf('web');
      const argv = await asker('web', 'udp', '100000', question('A', 'web'));
      await daemon().kill9();
      const waiting = execOk(argv, { timeoutMs: 110_000 });
      await eventually('the question is in the queue of the socket', async () =>
        /^udp\s+[1-9]/m.test(await execOk([...inside, 'busybox', 'netstat', '-aun'])),
      );
      await daemon().restart();
      const packet = JSON.parse(await waiting) as { readonly answers: readonly { readonly data: string }[] };
      assert.equal(packet.answers[0]?.data, web);
      assert.equal(await ask('web', ['A', 'some.example']), 'NOERROR 192.0.2.1');
      assert.equal(await ask('web', ['A', 'web'], { transport: 'tcp' }), `NOERROR ${web}`);
    });
  });

  test('a container that joins its first network while it runs can ask there', async () => {
    await withNetworks(['front'], async () => {
      await sleeper('old', '--dns', OUTSIDE);
      await sleeper('web', '--network', 'front');
      await sleeper('guest', '--network', 'container:old');
      assert.match(await docker('exec', 'old', 'cat', '/etc/resolv.conf'), /^nameserver 10\.53\.0\.1$/m);
      for (const _time of ['first', 'second']) {
        await docker('network', 'connect', 'front', 'old');
        assert.match(await docker('exec', 'old', 'cat', '/etc/resolv.conf'), /^nameserver 127\.0\.0\.11$/m);
        assert.equal(await ask('old', ['A', 'web']), `NOERROR ${await address('web', 'front')}`);
        assert.equal(await ask('guest', ['A', 'old']), `NOERROR ${await address('old', 'front')}`);
        await docker('network', 'disconnect', 'front', 'old');
        assert.match(await docker('exec', 'old', 'cat', '/etc/resolv.conf'), /^nameserver 10\.53\.0\.1$/m);
      }
    });
  });

  test('an internal network leads nowhere, and a container may have port 53 for itself', async () => {
    await withNetworks(['inner --internal'], async () => {
      await sleeper('web', '--network', 'inner', '--dns', OUTSIDE);
      const code =
        "net.createServer().listen(53, '0.0.0.0', () => dgram.createSocket('udp4').bind(53, '0.0.0.0', () => console.log('both')))";
      const own = start([...(await insideOf('web')), execPath, '-e', code], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      assert.ok(own.stdout !== null);
      await once(own.stdout, 'data');
      assert.equal(await ask('web', ['A', 'some.example']), 'SERVFAIL');
      assert.equal(await ask('web', ['A', 'web']), `NOERROR ${await address('web', 'inner')}`);
      own.kill('SIGKILL');
      await ended(own);
    });
  });

  test('a container that asks without end delays nobody, and is answered afterwards', async () => {
    await withNetworks(['front'], async () => {
      await sleeper('flood', '--network', 'front', '--dns', OUTSIDE);
      await sleeper('web', '--network', 'front', '--dns', OUTSIDE);
      const code = `const message = Buffer.from('${question('A', 'some.example')}', 'hex');
        const sockets = Array.from({ length: 8 }, () => dgram.createSocket('udp4'));
        const send = () => sockets.forEach((socket) => socket.send(message, 53, '127.0.0.11', () => {}));
        console.log('begins');
        setInterval(() => { for (let count = 0; count < 500; count += 1) send(); }, 1);`;
      const flood = start([...(await insideOf('flood')), execPath, '-e', code], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      assert.ok(flood.stdout !== null);
      await once(flood.stdout, 'data');
      for (let count = 0; count < 5; count += 1) {
        assert.equal(await ask('web', ['A', 'some.example']), 'NOERROR 192.0.2.1');
        await docker('version');
      }
      flood.kill('SIGKILL');
      await ended(flood);
      await eventually('the flood is over', async () => (await ask('flood', ['A', 'flood'])) !== 'nothing');
    });
  });
});
