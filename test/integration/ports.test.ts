import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually, exec, type Result } from '../lib/process.ts';
import { daemonSuite } from '../lib/suite.ts';

daemonSuite('published ports', (daemon) => {
  const onHost = (...argv: string[]): Promise<Result> =>
    exec(['nsenter', `--net=/proc/${daemon().netnsPid}/ns/net`, '--', ...argv], { timeoutMs: 20_000 });
  const serve = ['sh', '-c', 'while :; do echo "hello from $HOSTNAME" | nc -l -p 80; done'];
  const fetched = async (address: string, port: number): Promise<string> => {
    let answer = '';
    await eventually(`${address}:${port} answers`, async () => {
      const { stdout } = await onHost('busybox', 'nc', '-w', '2', address, String(port));
      answer = stdout.trim();
      return answer !== '';
    });
    return answer;
  };
  const portOf = async (name: string): Promise<number> =>
    Number(
      await daemon().dockerOk(
        'inspect',
        '-f',
        '{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}',
        name,
      ),
    );

  test('are reached by every address of the host, by localhost, and by other containers', async () => {
    await daemon().dockerOk(
      'run',
      '-d',
      '--name',
      'web',
      '--hostname',
      'web',
      '-p',
      '8080:80',
      'busybox',
      ...serve,
    );
    const gateway = await daemon().dockerOk('inspect', '-f', '{{.NetworkSettings.Gateway}}', 'web');
    for (const address of ['127.0.0.1', gateway.trim()])
      assert.equal(await fetched(address, 8080), 'hello from web');
    const neighbour = ['run', '--rm', 'busybox', 'nc', '-w', '3', gateway.trim(), '8080'];
    await eventually('a neighbour reaches it', async () =>
      (await daemon().docker(...neighbour)).stdout.includes('hello from web'),
    );
    await eventually('it reaches itself', async () =>
      (await daemon().docker('exec', 'web', 'nc', '-w', '3', gateway.trim(), '8080')).stdout.includes(
        'hello from web',
      ),
    );
    assert.match(await daemon().dockerOk('ps', '--format', '{{.Ports}}'), /^0\.0\.0\.0:8080->80\/tcp$/m);
    assert.equal((await daemon().dockerOk('port', 'web')).trim(), '80/tcp -> 0.0.0.0:8080');
  });

  test('are given out, are not given twice, and come back when the container ends', async () => {
    await daemon().dockerOk(
      'run',
      '-d',
      '--name',
      'one',
      '-p',
      '80',
      '-p',
      '127.0.0.1:7000-7002:53/udp',
      'busybox',
      'sleep',
      '300',
    );
    const port = await portOf('one');
    assert.ok(port >= 1024);
    const taken = await daemon().docker(
      'run',
      '--name',
      'two',
      '-p',
      `127.0.0.1:${port}:80`,
      'busybox',
      'true',
    );
    assert.equal(taken.code, 125);
    assert.match(
      taken.stderr,
      new RegExp(
        `failed to bind host port for 127\\.0\\.0\\.1:${port}:172\\.17\\.0\\.\\d+:80/tcp: address already in use`,
      ),
    );
    const held = await onHost('busybox', 'timeout', '1', 'busybox', 'nc', '-l', '-p', String(port));
    assert.match(held.stderr, /Address already in use|in use/i, 'nobody else on the host gets it');
    await daemon().dockerOk('stop', '-t', '0', 'one');
    await daemon().dockerOk('rm', 'two');
    await daemon().dockerOk('run', '--rm', '-p', `127.0.0.1:${port}:80`, 'busybox', 'true');
    assert.equal(await rulesOf(), '', 'no translation is left');
  });

  test('survive a killed daemon, which holds them again', async () => {
    await daemon().dockerOk(
      'run',
      '-d',
      '--name',
      'web',
      '--hostname',
      'web',
      '-p',
      '8080:80',
      'busybox',
      ...serve,
    );
    await daemon().kill9();
    assert.equal(await fetched('127.0.0.1', 8080), 'hello from web', 'without a daemon');
    await daemon().restart();
    assert.equal(await fetched('127.0.0.1', 8080), 'hello from web');
    assert.equal(await portOf('web'), 8080);
    const taken = await daemon().docker('run', '--rm', '-p', '8080:80', 'busybox', 'true');
    assert.match(taken.stderr, /port is already allocated/);
  });

  test('what the host itself has taken is told, and nothing is left', async () => {
    const server = exec([
      'nsenter',
      `--net=/proc/${daemon().netnsPid}/ns/net`,
      '--',
      'busybox',
      'timeout',
      '5',
      'busybox',
      'nc',
      '-l',
      '-p',
      '8081',
    ]);
    await eventually('the host listens', async () =>
      (await onHost('busybox', 'netstat', '-ltn')).stdout.includes(':8081'),
    );
    const refused = await daemon().docker('run', '-p', '8081:80', 'busybox', 'true');
    assert.equal(refused.code, 125);
    assert.match(
      refused.stderr,
      /failed to bind host port for 0\.0\.0\.0:8081:172\.17\.0\.\d+:80\/tcp: address already in use/,
    );
    for (const port of ['80-70', 'x', '8080:70000', '1-2:80-82'])
      assert.notEqual((await daemon().docker('create', '-p', port, 'busybox')).code, 0, port);
    await onHost('busybox', 'nc', '-w', '1', '127.0.0.1', '8081');
    await server;
  });

  test('do not go with the network of the host, nor with that of another container', async () => {
    const host = await daemon().dockerOk('create', '--network', 'host', '-p', '8080:80', 'busybox');
    assert.match(host, /^[0-9a-f]{64}$/m);
    const { stderr } = await daemon().docker('create', '--network', 'host', '-p', '8080:80', 'busybox');
    assert.match(stderr, /Published ports are discarded when using host network mode/);
    const joined = await daemon().docker('create', '--network', 'container:x', '-p', '8080:80', 'busybox');
    assert.match(joined.stderr, /conflicting options: port publishing and the container type network mode/);
  });

  test('a range gives each container one port, until all are given', async () => {
    const flags = ['run', '-d', '-p', '30000-30001:80', 'busybox', 'sleep', '300'];
    for (let number = 0; number < 2; number += 1) await daemon().dockerOk(...flags);
    const { stderr } = await daemon().docker(...flags);
    assert.match(stderr, /all ports are allocated/);
  });

  test('a thousand ports come in one transaction', async () => {
    await daemon().dockerOk(
      'run',
      '-d',
      '--name',
      'many',
      '-p',
      '20000-20999:1000-1999',
      'busybox',
      'sleep',
      '300',
    );
    const published = await rulesOf();
    assert.ok(published.split(':').length - 1 >= 1000);
    await daemon().kill9();
    await onHost('nft', 'delete', 'table', 'inet', 'wherry');
    await daemon().restart();
    assert.equal(await rulesOf(), published, 'all are there again');
    const { stderr } = await daemon().docker('run', '--rm', '-p', '20999:1', 'busybox', 'true');
    assert.match(stderr, /port is already allocated/);
    await daemon().dockerOk('rm', '-f', 'many');
    assert.equal(await rulesOf(), '');
  });

  const rulesOf = async (): Promise<string> => {
    const { stdout } = await onHost('nft', 'list', 'map', 'inet', 'wherry', 'any4');
    return /elements = \{([^}]*)\}/.exec(stdout)?.[1] ?? '';
  };
});
