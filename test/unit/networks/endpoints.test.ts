import assert from 'node:assert/strict';
import { lstat, readlink } from 'node:fs/promises';
import { pid } from 'node:process';
import type { Networks } from '../../../daemon/core/networks/contract.ts';
import type { Endpoint } from '../../../daemon/core/networks/types.ts';
import type { Ctx } from '../../../common/ctx.ts';
import { eventually, exec, execOk } from '../../lib/process.ts';
import { ask, inOwnNetns, joining, openBeyond } from './own-netns.ts';

const nothing = new Set<string>();

interface Link {
  readonly ifname: string;
  readonly master?: string;
  readonly operstate: string;
  readonly address: string;
  readonly linkinfo?: { readonly info_slave_data?: { readonly isolated?: boolean } };
}

const veths = async (): Promise<Link[]> => ask('ip', '-d', '-j', 'link', 'show', 'type', 'veth');

async function reserveBridged(networks: Networks, ctx: Ctx, containerId: string): Promise<Endpoint> {
  const { endpoints } = await networks.reserve(ctx, containerId, joining('bridge'));
  assert.ok(endpoints[0] !== undefined);
  return endpoints[0];
}

const ping = (address: string): string[] => ['busybox', 'ping', '-c1', '-W1', address];
const reaches = async (address: string): Promise<boolean> => (await exec(ping(address))).code === 0;
const sh = (script: string): string[] => ['/bin/sh', '-c', script];

await inOwnNetns(import.meta.url, {
  'a container on the bridge has eth0, its address and a default route, and no IPv6 outside its loopback':
    async ({ ctx, open, run }) => {
      const networks = open();
      await networks.reconcile(ctx, nothing);
      const endpoint = await reserveBridged(networks, ctx, 'c1');
      const script =
        'ip -j address; ip -j route; cat /proc/sys/net/ipv6/conf/eth0/disable_ipv6 /proc/sys/net/ipv6/conf/default/disable_ipv6; ls /sys/class/net | wc -l';
      const { code, stdout, stderr } = await run(networks, endpoint, sh(script));
      assert.equal(code, 0, stderr);
      const [addresses = '', routes = '', disabled, byDefaultDisabled, devices] = stdout.trim().split('\n');
      const links = JSON.parse(addresses) as {
        ifname: string;
        address: string;
        flags: string[];
        mtu: number;
        addr_info: { local: string; prefixlen: number }[];
      }[];
      assert.deepEqual(
        links.map(({ ifname, addr_info }) => ({
          ifname,
          addresses: addr_info.map(({ local, prefixlen }) => `${local}/${prefixlen}`),
        })),
        [
          { ifname: 'lo', addresses: ['127.0.0.1/8', '::1/128'] },
          { ifname: 'eth0', addresses: ['172.17.0.2/16'] },
        ],
      );
      assert.equal(links[1]?.address, '02:42:ac:11:00:02');
      assert.equal(links[1]?.mtu, 1500);
      assert.ok(links[1]?.flags.includes('LOWER_UP'), 'both ends are up');
      const [byDefault] = JSON.parse(routes) as { dst: string; gateway: string; dev: string }[];
      assert.deepEqual(
        { dst: byDefault?.dst, gateway: byDefault?.gateway, dev: byDefault?.dev },
        { dst: 'default', gateway: '172.17.0.1', dev: 'eth0' },
      );
      assert.equal(disabled, '1');
      assert.equal(byDefaultDisabled, '0', 'a device that the container makes itself has IPv6');
      assert.ok(Number(devices) >= 2);
    },

  'it reaches the gateway, and what is beyond by the address of the host': async ({ ctx, open, run }) => {
    const networks = open();
    await networks.reconcile(ctx, nothing);
    await using _ = await openBeyond();
    const endpoint = await reserveBridged(networks, ctx, 'c1');
    const inside = await run(
      networks,
      endpoint,
      sh('busybox ping -c1 -W2 172.17.0.1 && busybox ping -c1 -W2 10.9.0.2'),
    );
    assert.equal(inside.code, 0, inside.stdout + inside.stderr);
  },

  'what is beyond does not reach a container that published nothing': async ({ ctx, open, live }) => {
    const networks = open();
    await networks.reconcile(ctx, nothing);
    await using beyond = await openBeyond();
    await beyond.run('ip', 'route', 'add', '172.17.0.0/16', 'via', '10.9.0.1');
    const endpoint = await reserveBridged(networks, ctx, 'c1');
    await using _ = await live(networks, endpoint);
    await eventually('the container answers the host', () => reaches(endpoint.ipAddress));
    assert.equal((await beyond.run(...ping(endpoint.ipAddress))).code, 1);
    await execOk(['nft', 'flush', 'chain', 'inet', 'wherry', 'forward']);
    assert.equal((await beyond.run(...ping(endpoint.ipAddress))).code, 0, 'it is the rule that keeps it off');
  },

  'containers reach one another, and with icc false they do not': async ({ ctx, open, run, live }) => {
    for (const { icc, expected } of [
      { icc: true, expected: 0 },
      { icc: false, expected: 1 },
    ]) {
      const networks = open({ icc });
      await networks.reconcile(ctx, nothing);
      const server = await reserveBridged(networks, ctx, 'server');
      const client = await reserveBridged(networks, ctx, 'client');
      await using _ = await live(networks, server);
      await eventually('the server answers the host', () => reaches(server.ipAddress));
      const pings = [server.gateway, server.ipAddress].map((address) => ping(address).join(' '));
      const { code, stdout } = await run(networks, client, sh(pings.join('; ')));
      assert.equal(code, expected, stdout);
      assert.match(stdout, new RegExp(`from ${server.gateway}`), 'the gateway answers in any case');
    }
  },

  'with network none there is only a loopback, up': async ({ ctx, open, run }) => {
    const networks = open();
    await networks.reconcile(ctx, nothing);
    const endpoint = await networks.reserve(ctx, 'c1', joining('none'));
    const { stdout } = await run(networks, endpoint, sh('ip -j link show up; ip -4 route'));
    const up = JSON.parse(stdout) as Link[];
    assert.deepEqual(
      up.map(({ ifname }) => ifname),
      ['lo'],
    );
  },

  'a MAC address of the own choice is taken, nonsense is not': async ({ ctx, open, run }) => {
    const networks = open();
    await networks.reconcile(ctx, nothing);
    const wish = joining(['bridge', { macAddress: '02:00:00:AA:bb:01' }]);
    const { stdout } = await run(networks, await networks.reserve(ctx, 'c1', wish), sh('ip -j link'));
    assert.equal((JSON.parse(stdout) as Link[])[1]?.address, '02:00:00:aa:bb:01');
    await assert.rejects(networks.reserve(ctx, 'c2', joining(['bridge', { macAddress: '02:00' }])), {
      code: 'invalid-argument',
      message: 'invalid MAC address "02:00"',
    });
    assert.equal(networks.sandboxOf('c2'), undefined);
  },

  'host mode has no steps': async ({ ctx, open }) => {
    const networks = open();
    await networks.reconcile(ctx, nothing);
    const endpoint = await networks.reserve(ctx, 'c1', joining('host'));
    assert.equal(endpoint.kind, 'host');
    assert.equal(networks.steps(endpoint), undefined);
  },

  'a refused message fails the plan at the step that says what, with the errno that the kernel gave': async ({
    ctx,
    open,
    run,
  }) => {
    const networks = open();
    await networks.reconcile(ctx, nothing);
    const endpoint = await reserveBridged(networks, ctx, 'c1');
    for (const { change, errno, label } of [
      { change: { hostInterface: 'wherry0' }, errno: 17, label: 'create the veth pair "wherry0" and "eth0"' },
      {
        change: { hostInterface: 'veth0000001', prefixLength: 33 },
        errno: 22,
        label: 'add address 172.17.0.2/33 to "eth0"',
      },
      {
        change: { hostInterface: 'veth0000002', gateway: '10.1.1.1' },
        errno: 101,
        label: 'add the default route by 10.1.1.1',
      },
    ]) {
      const { code, stderr, plan } = await run(networks, { ...endpoint, ...change }, ['/bin/true']);
      assert.equal(code, 125, stderr);
      const [, step = '', failed] = /^step (\d+) errno (\d+)/.exec(stderr) ?? [];
      assert.equal(plan.steps[Number(step)]?.label, label);
      assert.equal(Number(failed), errno);
    }
    await execOk(['ip', 'link', 'delete', 'wherry0']);
    const { stderr, plan } = await run(networks, endpoint, ['/bin/true']);
    const [, step = '', failed] = /^step (\d+) errno (\d+)/.exec(stderr) ?? [];
    assert.equal(
      plan.steps[Number(step)]?.label,
      `attach "${endpoint.hostInterface}" to the bridge of "bridge"`,
    );
    assert.equal(Number(failed), 22);
    await eventually('nothing is left of the refused ones', async () => (await veths()).length === 0);
  },

  '64 at once all get there, with addresses and names of their own, and leave nothing': async ({
    ctx,
    open,
    run,
  }) => {
    const networks = open();
    await networks.reconcile(ctx, nothing);
    const ids = Array.from({ length: 64 }, (_, index) => `c${index}`);
    const endpoints = await Promise.all(ids.map((id) => reserveBridged(networks, ctx, id)));
    assert.equal(new Set(endpoints.map(({ ipAddress }) => ipAddress)).size, 64);
    assert.equal(new Set(endpoints.map(({ hostInterface }) => hostInterface)).size, 64);
    assert.ok(endpoints.every(({ hostInterface }) => /^veth[0-9a-f]{7}$/.test(hostInterface)));
    const results = await Promise.all(
      endpoints.map((endpoint) =>
        run(networks, endpoint, sh(`ip -4 -o address show dev eth0 | grep -q ${endpoint.ipAddress}/16`)),
      ),
    );
    assert.deepEqual(
      results.filter(({ code }) => code !== 0).map(({ stderr }) => stderr),
      [],
    );
    await eventually('the veths went with their namespaces', async () => (await veths()).length === 0);
  },

  'a released address is used again as late as possible, and rows outlive the daemon': async ({
    ctx,
    open,
    live,
  }) => {
    const networks = open({ bip: '10.66.0.1/29' });
    await networks.reconcile(ctx, nothing);
    const taken = [];
    for (const id of ['a', 'b', 'c']) taken.push(await reserveBridged(networks, ctx, id));
    assert.deepEqual(
      taken.map(({ ipAddress }) => ipAddress),
      ['10.66.0.2', '10.66.0.3', '10.66.0.4'],
    );
    await networks.release(ctx, 'a');
    await networks.release(ctx, 'a');
    assert.equal(networks.sandboxOf('a'), undefined);
    const d = await reserveBridged(networks, ctx, 'd');
    assert.equal(d.ipAddress, '10.66.0.5');
    await using _ = await live(networks, taken[1] ?? d);
    await using __ = await live(networks, d);
    await eventually('both have their veths', async () => (await veths()).length === 2);
    const again = open({ bip: '10.66.0.1/29' });
    await again.reconcile(ctx, new Set(['b', 'd']));
    assert.equal(again.sandboxOf('c'), undefined, 'nobody lives there any more');
    assert.equal(JSON.stringify(again.sandboxOf('b')), JSON.stringify(networks.sandboxOf('b')));
    const later = [];
    for (const id of ['e', 'f', 'g']) later.push((await reserveBridged(again, ctx, id)).ipAddress);
    assert.deepEqual(later, ['10.66.0.2', '10.66.0.4', '10.66.0.6']);
    await assert.rejects(reserveBridged(again, ctx, 'h'), {
      code: 'unavailable',
      message: "no available IPv4 addresses on this network's address pools: 10.66.0.0/29",
    });
    assert.equal(
      (await reserveBridged(again, ctx, 'g')).ipAddress,
      '10.66.0.6',
      'a second reserve replaces the first',
    );
  },

  'after a restart orphans go, and live containers come back to a bridge that was lost': async ({
    ctx,
    open,
    live,
  }) => {
    const networks = open();
    await networks.reconcile(ctx, nothing);
    const kept = await reserveBridged(networks, ctx, 'kept');
    await using _ = await live(networks, kept);
    await using __ = await live(networks, await reserveBridged(networks, ctx, 'orphan'));
    await eventually(
      'both are up',
      async () => (await veths()).filter(({ master }) => master === 'wherry0').length === 2,
    );
    await open().reconcile(ctx, new Set(['kept']));
    assert.deepEqual(
      (await veths()).map(({ ifname }) => ifname),
      [kept.hostInterface],
    );
    await execOk(['ip', 'link', 'delete', 'wherry0']);
    await open({ bip: '10.5.0.1/16' }).reconcile(ctx, new Set(['kept']));
    const [port] = await veths();
    assert.equal(port?.master, 'wherry0');
    await eventually('the live one answers again', () => reaches(kept.ipAddress));
  },

  'a network namespace is found under its name, and the links of others go at start': async ({
    ctx,
    open,
    directory,
  }) => {
    const networks = open();
    await networks.reconcile(ctx, nothing);
    const path = await networks.publishNetns('c1', pid);
    await networks.publishNetns('c1', pid);
    await networks.publishNetns('c2', pid);
    assert.equal(path, `${directory}/netns/c1`);
    assert.equal(path, networks.netnsPath('c1'));
    assert.equal(await readlink(path), `/proc/${pid}/ns/net`);
    await execOk(['nsenter', `--net=${path}`, 'ip', 'link', 'show', 'wherry0']);
    await open().reconcile(ctx, new Set(['c1']));
    await assert.rejects(lstat(networks.netnsPath('c2')), { code: 'ENOENT' });
    await networks.unpublishNetns('c1');
    await networks.unpublishNetns('c1');
    await assert.rejects(lstat(path), { code: 'ENOENT' });
  },
});
