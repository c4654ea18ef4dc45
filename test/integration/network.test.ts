import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ended, eventually, execOk, start } from '../lib/process.ts';
import { daemonSuite } from '../lib/suite.ts';

daemonSuite('network', (daemon) => {
  const run = (...args: string[]): Promise<string> => daemon().dockerOk('run', '--rm', ...args);
  const field = (id: string, path: string): Promise<string> =>
    daemon().dockerOk('inspect', '-f', `{{${path}}}`, id);
  const inNetns = (...argv: string[]): string[] => [
    ...['nsenter', `--net=/proc/${daemon().netnsPid}/ns/net`, '--'],
    ...argv,
  ];

  test('a container on the bridge has an address, a route, a gateway that answers', async () => {
    const id = await daemon().dockerOk('run', '-d', 'busybox', 'sleep', '1000');
    const bridge = '.NetworkSettings.Networks.bridge';
    const [address, gateway, prefix, mac] = await Promise.all(
      ['IPAddress', 'Gateway', 'IPPrefixLen', 'MacAddress'].map((name) => field(id, `${bridge}.${name}`)),
    );
    const show = await daemon().dockerOk('exec', id, 'ip', 'addr', 'show', 'eth0');
    assert.ok(show.includes(`inet ${address}/${prefix}`), show);
    assert.ok(show.includes(`link/ether ${mac}`), show);
    const routes = await daemon().dockerOk('exec', id, 'ip', 'route');
    assert.ok(routes.includes(`default via ${gateway}`), routes);
    await daemon().dockerOk('exec', id, 'ping', '-c', '1', '-W', '2', gateway ?? '');
    await execOk(inNetns('busybox', 'ping', '-c', '1', '-W', '2', address ?? ''));
  });

  test('containers reach each other, and the loopback is up', async () => {
    const script = 'nc -l -p 8080 -e echo hello';
    const server = await daemon().dockerOk('run', '-d', 'busybox', 'sh', '-c', `while :; do ${script}; done`);
    const address = await field(server, '.NetworkSettings.Networks.bridge.IPAddress');
    const answer = await eventually('the server answers', async () => {
      const result = await daemon().docker('run', '--rm', 'busybox', 'nc', '-w', '2', address, '8080');
      return result.stdout.includes('hello') && result.stdout;
    });
    assert.equal(answer, 'hello\n');
    await run('busybox', 'ping', '-c', '1', '127.0.0.1');
  });

  test('two containers never share an address, and a freed one comes back', async () => {
    const ids = await Promise.all(
      [1, 2, 3, 4].map(() => daemon().dockerOk('run', '-d', 'busybox', 'sleep', '1000')),
    );
    const addresses = await Promise.all(
      ids.map((id) => field(id, '.NetworkSettings.Networks.bridge.IPAddress')),
    );
    assert.equal(new Set(addresses).size, ids.length);
  });

  test('hostname, hosts, resolv.conf', async () => {
    const id = await daemon().dockerOk('run', '-d', '--add-host', 'far:10.9.8.7', 'busybox', 'sleep', '1000');
    const address = await field(id, '.NetworkSettings.Networks.bridge.IPAddress');
    const short = id.slice(0, 12);
    const hosts = await daemon().dockerOk('exec', id, 'cat', '/etc/hosts');
    assert.deepEqual(
      hosts.split('\n').map((line) => line.split(/\s+/).join(' ')),
      [
        '127.0.0.1 localhost',
        '::1 localhost ip6-localhost ip6-loopback',
        ...(hosts.includes('fe00::0') ? ['fe00::0 ip6-localnet'] : ['fe00:: ip6-localnet']),
        ...(hosts.includes('ff00::0') ? ['ff00::0 ip6-mcastprefix'] : ['ff00:: ip6-mcastprefix']),
        'ff02::1 ip6-allnodes',
        'ff02::2 ip6-allrouters',
        '10.9.8.7 far',
        `${address} ${short}`,
      ],
    );
    assert.equal(await daemon().dockerOk('exec', id, 'hostname'), short);
    assert.equal(await daemon().dockerOk('exec', id, 'cat', '/etc/hostname'), short);
    const resolv = await run(
      '--dns',
      '9.9.9.9',
      '--dns-search',
      'example.org',
      'busybox',
      'cat',
      '/etc/resolv.conf',
    );
    assert.match(resolv, /^search example\.org$/m);
    assert.match(resolv, /^nameserver 9\.9\.9\.9$/m);
  });

  test('--network none has a loopback and nothing else', async () => {
    assert.equal(await run('--network', 'none', 'busybox', 'ls', '/sys/class/net'), 'lo');
    await run('--network', 'none', 'busybox', 'ping', '-c', '1', '127.0.0.1');
  });

  test("--network host is the daemon's own", async () => {
    const [inside, outside] = await Promise.all([
      run('--network', 'host', 'busybox', 'readlink', '/proc/self/ns/net'),
      execOk(inNetns('readlink', '/proc/self/ns/net')),
    ]);
    assert.equal(inside, outside);
  });

  test('what leaves the bridge bears the address of the host', async () => {
    // A neighbour beyond the daemon's network namespace, which knows no way back to the bridge's addresses.
    const neighbour = start(['unshare', '-n', 'sh', '-c', 'ip link set lo up; echo; exec sleep 1000'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((resolve) => neighbour.stdout?.once('data', resolve));
    try {
      const beyond = (...argv: string[]): string[] => [
        'nsenter',
        `--net=/proc/${neighbour.pid}/ns/net`,
        '--',
        ...argv,
      ];
      const peer = ['peer', 'name', 'wan1', 'netns', String(neighbour.pid)];
      await execOk(inNetns('ip', 'link', 'add', 'wan0', 'type', 'veth', ...peer));
      await execOk(inNetns('ip', 'addr', 'add', '192.0.2.1/24', 'dev', 'wan0'));
      await execOk(inNetns('ip', 'link', 'set', 'wan0', 'up'));
      await execOk(beyond('ip', 'addr', 'add', '192.0.2.2/24', 'dev', 'wan1'));
      await execOk(beyond('ip', 'link', 'set', 'wan1', 'up'));
      assert.match(await run('busybox', 'ping', '-c', '1', '-W', '3', '192.0.2.2'), /1 packets received/);
    } finally {
      neighbour.kill('SIGKILL');
      await ended(neighbour);
    }
  });
});
