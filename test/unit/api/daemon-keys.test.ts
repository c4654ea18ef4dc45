import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeConfig } from '../../../daemon/config.ts';
import { parseConfig } from '../../../daemon/config/file.ts';

/**
 * Every key of daemon.json that docker 28 documents (docs.docker.com, "dockerd", "Daemon configuration file"), each with a value that
 * asks for something; `taken` unless the value has to be refused by the key's name.
 */
const KEYS: Readonly<Record<string, readonly [value: unknown, taken: boolean]>> = {
  'allow-direct-routing': [true, false],
  'authorization-plugins': [['p'], false],
  bip: ['10.1.0.1/24', true],
  bip6: ['fd00::1/64', false],
  bridge: ['br9', true],
  builder: [{ gc: { enabled: true } }, true],
  'cgroup-parent': ['/x', true],
  containerd: ['/run/containerd/containerd.sock', true],
  'containerd-namespace': ['docker', true],
  'containerd-plugins-namespace': ['docker-plugins', true],
  'cpu-rt-period': [1000, false],
  'cpu-rt-runtime': [1000, false],
  'data-root': ['/d', true],
  debug: [true, true],
  'default-address-pools': [[{ base: '10.0.0.0/8', size: 24 }], true],
  'default-cgroupns-mode': ['private', true],
  'default-gateway': ['10.1.0.9', false],
  'default-gateway-v6': ['fd00::9', false],
  'default-ipc-mode': ['shareable', true],
  'default-network-opts': [{ bridge: { 'com.docker.network.driver.mtu': '1234' } }, false],
  'default-runtime': ['runc', true],
  'default-shm-size': ['1m', true],
  'default-ulimits': [{ nofile: { Name: 'nofile', Hard: 64, Soft: 32 } }, true],
  dns: [['192.0.2.1'], true],
  'dns-opts': [['ndots:2'], true],
  'dns-search': [['a.test'], true],
  'exec-opts': [['native.cgroupdriver=systemd'], false],
  'exec-root': ['/r', true],
  experimental: [true, false],
  features: [{ cdi: true, 'containerd-snapshotter': false }, true],
  'firewall-backend': ['nftables', true],
  'fixed-cidr': ['10.1.0.0/25', false],
  'fixed-cidr-v6': ['fd00::/80', false],
  group: ['root', true],
  'host-gateway-ip': ['192.0.2.9', true],
  'host-gateway-ips': [['192.0.2.9'], true],
  hosts: [['unix:///s'], true],
  'http-proxy': ['http://p', false],
  'https-proxy': ['http://p', false],
  icc: [false, true],
  init: [true, true],
  'init-path': ['/i', true],
  'insecure-registries': [['r.test'], true],
  ip: ['127.0.0.1', true],
  'ip-forward': [false, true],
  'ip-forward-no-drop': [true, true],
  'ip-masq': [false, true],
  ip6tables: [true, true],
  iptables: [false, true],
  ipv6: [true, false],
  labels: [['a=b'], true],
  'live-restore': [true, true],
  'log-driver': ['local', true],
  'log-format': ['json', true],
  'log-level': ['warn', true],
  'log-opts': [{ 'max-size': '1m' }, true],
  'max-concurrent-downloads': [2, true],
  'max-concurrent-uploads': [2, true],
  'max-download-attempts': [2, true],
  'metrics-addr': ['127.0.0.1:9323', true],
  'min-api-version': ['1.40', false],
  mtu: [1400, true],
  'no-new-privileges': [true, true],
  'no-proxy': ['a', false],
  'node-generic-resources': [['GPU=1'], false],
  pidfile: ['/p', true],
  proxies: [{ 'http-proxy': 'http://p' }, false],
  'raw-logs': [true, true],
  'registry-mirrors': [['https://m.test'], true],
  runtimes: [{ crun: { path: '/usr/bin/crun' } }, true],
  'seccomp-profile': ['unconfined', true],
  'selinux-enabled': [true, false],
  'shutdown-timeout': [20, true],
  'storage-driver': ['btrfs', false],
  'storage-opts': [['overlay2.size=1G'], false],
  'swarm-default-advertise-addr': ['eth0', false],
  tls: [true, true],
  tlscacert: ['/a', true],
  tlscert: ['/b', true],
  tlskey: ['/c', true],
  tlsverify: [true, true],
  'userland-proxy': [false, true],
  'userland-proxy-path': ['/u', true],
  'userns-remap': ['default', false],
};

test("each of docker's keys in daemon.json is taken, or refused by its name", () => {
  for (const [key, [value, isTaken]] of Object.entries(KEYS)) {
    const make = (): unknown => makeConfig(parseConfig(JSON.stringify({ [key]: value }), 'f'), new Map());
    if (isTaken) assert.doesNotThrow(make, key);
    else assert.throws(make, { message: new RegExp(`"${key}" is not supported`) }, key);
  }
});

test('what asks for nothing is taken of those that are refused, too', () => {
  const nothing = (value: unknown): unknown => {
    if (Array.isArray(value)) return [];
    if (typeof value === 'object') return {};
    if (typeof value === 'boolean') return false;
    return typeof value === 'number' ? 0 : '';
  };
  const harmless = Object.fromEntries(
    Object.entries(KEYS).flatMap(([key, [value, isTaken]]) => (isTaken ? [] : [[key, nothing(value)]])),
  );
  assert.doesNotThrow(() => makeConfig(parseConfig(JSON.stringify(harmless), 'f'), new Map()));
});

test('what is taken and changes nothing is told at the start, with the reason', () => {
  const ignored = (file: object): readonly string[] =>
    makeConfig(parseConfig(JSON.stringify(file), 'f'), new Map()).ignored.map(
      ({ option, reason }) => `${option}: ${reason}`,
    );
  assert.deepEqual(ignored({ mtu: 1400, 'shutdown-timeout': 15, 'userland-proxy': false, features: {} }), []);
  assert.deepEqual(ignored({ 'userland-proxy': true, ip6tables: false, containerd: '/c.sock' }), [
    'userland-proxy: published ports need no proxy',
    'ip6tables: the option iptables stands for both families',
    'containerd: there is no containerd below this daemon',
  ]);
});
