import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { HOST, INTERNET, makeLan, NEIGHBOUR, type Lan, type Peer } from '../lib/lan.ts';
import { eventually } from '../lib/process.ts';
import { daemonSuite } from '../lib/suite.ts';

const ANSWER = ['sh', '-c', 'while :; do echo hello | nc -l -p 80; done'];

/** From one port, for ten seconds. */
const SEND_DATAGRAMS = `
  const socket = require('node:dgram').createSocket('udp4').on('error', () => {}).bind(5000);
  const timer = setInterval(() => socket.send('ping', Number(process.argv[2]), process.argv[1]), 100);
  setTimeout(() => { clearInterval(timer); socket.close(); }, 10_000);
`;

daemonSuite('published ports and their peers', (daemon) => {
  let lan: Lan | undefined;
  before(async () => {
    lan = await makeLan(daemon());
    await daemon().mark();
  });
  after(() => lan?.[Symbol.asyncDispose]());
  const { neighbour, internet } = {
    neighbour: (): Peer => present().neighbour,
    internet: (): Peer => present().internet,
  };
  const present = (): Lan => {
    assert.ok(lan !== undefined);
    return lan;
  };
  const run = (...args: string[]): Promise<string> => daemon().dockerOk('run', '-d', ...args);
  const addressOf = (name: string): Promise<string> =>
    daemon().dockerOk('inspect', '-f', '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}', name);
  const answers = (from: Peer, address: string, port: number): Promise<void> =>
    eventually(`${address}:${port} answers`, async () =>
      (await from.run('busybox', 'nc', '-w', '2', address, String(port))).stdout.includes('hello'),
    ).then(() => undefined);
  const openPorts = async (from: Peer): Promise<number[]> => {
    const found: number[] = [];
    for (const port of SCANNED) if ((await from.probe(HOST, port)) === 'open') found.push(port);
    return found;
  };
  const SCANNED = [22, 80, 81, 443, 2375, 7000, 7001, 8080, 8081];

  test('what is published is open to everybody, the rest to nobody', async () => {
    assert.deepEqual(await openPorts(internet()), []);
    await run('--name', 'web', '-p', '8080:80', '-p', '127.0.0.1:7000:80', 'busybox', ...ANSWER);
    await run('--name', 'other', 'busybox', ...ANSWER);
    for (const peer of [neighbour(), internet()]) {
      await answers(peer, HOST, 8080);
      assert.deepEqual(
        (await openPorts(peer)).filter((port) => port !== 8080),
        [],
      );
    }
    await daemon().dockerOk('rm', '-f', 'web', 'other');
    assert.deepEqual(await openPorts(internet()), []);
  });

  test('who connects is seen under its own address', async () => {
    await run('--name', 'web', '-p', '8080:80', 'busybox', ...ANSWER);
    await answers(internet(), HOST, 8080);
    // The server takes one at a time: who comes too early is refused.
    const seen = join(daemon().directory, 'seen');
    const held = internet().run(
      'sh',
      '-c',
      `until [ -e ${seen} ]; do sleep 2 | busybox nc ${HOST} 8080; done`,
    );
    await eventually('the connection has its source', async () =>
      (await daemon().dockerOk('exec', 'web', 'netstat', '-tn')).includes(INTERNET),
    );
    await writeFile(seen, '');
    await held;
  });

  test('nobody on the wire reaches what is published on 127.0.0.1, nor a container by routing to it', async () => {
    await run('--name', 'web', '-p', '127.0.0.1:7000:80', 'busybox', ...ANSWER);
    const address = await addressOf('web');
    const lanHost = neighbour();
    await answers({ ...lanHost, run: present().onHost }, '127.0.0.1', 7000);
    await lanHost.run('ip', 'route', 'add', '172.17.0.0/16', 'via', HOST);
    // A packet for 127.0.0.1 that goes out on the wire: the sender's own loopback must not take it.
    await lanHost.run('sysctl', '-qw', 'net.ipv4.conf.all.route_localnet=1');
    await lanHost.run('ip', 'rule', 'add', 'pref', '1', 'lookup', 'local');
    await lanHost.run('ip', 'rule', 'del', 'pref', '0');
    await lanHost.run('ip', 'rule', 'add', 'pref', '0', 'to', '127.0.0.1', 'dport', '7000', 'lookup', '99');
    await lanHost.run(
      'ip',
      'route',
      'add',
      '127.0.0.1/32',
      'via',
      HOST,
      'dev',
      'eth0',
      'src',
      NEIGHBOUR,
      'table',
      '99',
    );
    assert.match(
      (await lanHost.run('ip', 'route', 'get', '127.0.0.1', 'dport', '7000', 'ipproto', 'tcp')).stdout,
      /via 192\.0\.2\.1/,
    );
    assert.notEqual(await lanHost.probe('127.0.0.1', 7000), 'open');
    assert.notEqual(await lanHost.probe(HOST, 7000), 'open');
    assert.notEqual(await lanHost.probe(address, 80), 'open');
    assert.notEqual(await lanHost.probe(address, 7000), 'open');
  });

  test('networks are apart; a published port is reached from another network by the host', async () => {
    await daemon().dockerOk('network', 'create', 'front');
    await run('--name', 'web', '-p', '8080:80', 'busybox', ...ANSWER);
    const address = await addressOf('web');
    const from = (to: string, port: number) =>
      daemon().docker('run', '--rm', '--network', 'front', 'busybox', 'nc', '-w', '2', to, String(port));
    await eventually('it is reached by the host', async () =>
      (await from(HOST, 8080)).stdout.includes('hello'),
    );
    assert.doesNotMatch((await from(address, 80)).stdout, /hello/);
    await daemon().dockerOk('network', 'rm', 'front');
  });

  test('rules that a reload of the firewall wiped are back, and with them what they keep out', async () => {
    await run('--name', 'web', '-p', '8080:80', '-p', '127.0.0.1:7000:80', 'busybox', ...ANSWER);
    await answers(internet(), HOST, 8080);
    for (const wipe of [
      ['flush', 'ruleset'],
      ['flush', 'table', 'inet', 'wherry'],
    ]) {
      assert.equal((await present().onHost('nft', ...wipe)).code, 0);
      await answers(internet(), HOST, 8080);
      const rules = (await present().onHost('nft', 'list', 'ruleset')).stdout;
      for (const text of ['map any4', 'masquerade', '8080', 'drop']) assert.ok(rules.includes(text), text);
      assert.notEqual(await neighbour().probe(HOST, 7000), 'open');
    }
    assert.match(await daemon().log(), /Somebody changed the firewall rules/);
  });

  test('whatever else somebody changes in a table of ours is undone', async () => {
    await run('--name', 'web', '-p', '8080:80', 'busybox', ...ANSWER);
    await run('--name', 'held', '--label', 'wherry.egress=10.0.0.0/8:443', 'busybox', 'sleep', '300');
    /** Elements have no order. */
    const rules = async (): Promise<string[]> =>
      (await present().onHost('nft', '-s', 'list', 'ruleset')).stdout
        .split(/[,\n]/)
        .map((part) => part.trim())
        .toSorted();
    const before = await rules();
    for (const change of [
      'flush map inet wherry any4',
      'delete element inet wherry any4 { tcp . 8080 }',
      'add element inet wherry any4 { tcp . 8082 : 172.17.0.99 . 80 }',
      'flush set inet wherry bridges',
      'flush chain inet wherry published',
      'insert rule inet wherry forward drop',
      'flush set inet wherry allowed4',
      'flush chain bridge wherry guard',
      'flush set bridge wherry macs',
      'delete table bridge wherry',
    ]) {
      const { code, stderr } = await present().onHost('nft', ...change.split(' '));
      assert.equal(code, 0, `${change}: ${stderr}`);
      await eventually(`"${change}" is undone`, async () => isDeepStrictEqual(await rules(), before));
    }
    // What went before it was put back is no obstacle.
    await present().onHost('nft', 'flush', 'map', 'inet', 'wherry', 'any4');
    await daemon().dockerOk('rm', '-f', 'web');
    await eventually('the port is withdrawn', async () => !(await rules()).join(' ').includes('8080'));
    await daemon().dockerOk('rm', '-f', 'held');
  });

  test('the kernel forgets the connections of a container that went, and what was sent before a port was published', async () => {
    const tracked = async (): Promise<string> =>
      (await present().onHost('cat', '/proc/net/nf_conntrack')).stdout;
    const sender = internet().run(process.execPath, '-e', SEND_DATAGRAMS, HOST, '8081');
    await eventually('the host is sent datagrams', async () => (await tracked()).includes('dport=8081'));
    await run('--name', 'sink', '-p', '8081:81/udp', 'busybox', 'sleep', '300');
    const address = await addressOf('sink');
    await eventually('they are sent to the container', async () =>
      (await tracked()).includes(`src=${address} `),
    );
    await daemon().dockerOk('rm', '-f', 'sink');
    await eventually('they are forgotten', async () => !(await tracked()).includes(`src=${address} `));
    await sender;
  });

  test('in a routed network a port is open on the address of the container, and no other is', async () => {
    const option = ['-o', 'com.docker.network.bridge.gateway_mode_ipv4=routed', '--subnet', '10.66.0.0/24'];
    await daemon().dockerOk('network', 'create', ...option, 'routed');
    await run('--name', 'web', '--network', 'routed', '-p', '8080:80', 'busybox', ...ANSWER);
    await run('--name', 'other', '--network', 'routed', 'busybox', ...ANSWER);
    await neighbour().run('ip', 'route', 'add', '10.66.0.0/24', 'via', HOST);
    await answers(neighbour(), await addressOf('web'), 80);
    assert.equal(await neighbour().probe(await addressOf('other'), 80), 'silent');
    assert.notEqual(await neighbour().probe(HOST, 8080), 'open');
    assert.match(await daemon().dockerOk('port', 'web'), /80\/tcp -> 0\.0\.0\.0:0/);
    await daemon().dockerOk('rm', '-f', 'web', 'other');
    await daemon().dockerOk('network', 'rm', 'routed');
  });
});
