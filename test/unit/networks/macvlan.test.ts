import assert from 'node:assert/strict';
import type { NetworkRequest } from '../../../daemon/core/networks/contract.ts';
import { eventually, exec, execOk } from '../../lib/process.ts';
import { inOwnNetns, joining } from './own-netns.ts';

const { stdout: config } = await exec(['zgrep', '-E', '^CONFIG_IPVLAN=', '/proc/config.gz']);
const hasIpvlan = config !== '';
const nothing = new Set<string>();
const network = (name: string, more: Partial<NetworkRequest>): NetworkRequest => ({
  name,
  driver: 'macvlan',
  enableIPv4: true,
  enableIPv6: false,
  internal: false,
  attachable: false,
  ipam: [{ subnet: '10.70.0.0/24', ipRange: undefined, gateway: '10.70.0.1', auxAddresses: {} }],
  ipamOptions: undefined,
  options: { parent: 'lan0' },
  labels: {},
  ...more,
});
const ping = (address: string): string[] => ['busybox', 'ping', '-c1', '-W2', address];

/** A wire of the host: lan0, with a neighbour at its other end. */
const layWire = async (): Promise<void> => {
  await execOk(['ip', 'link', 'add', 'lan0', 'type', 'veth', 'peer', 'name', 'lan1']);
  await execOk(['ip', 'address', 'add', '10.70.0.1/24', 'dev', 'lan1']);
  for (const name of ['lan0', 'lan1']) await execOk(['ip', 'link', 'set', name, 'up']);
};

await inOwnNetns(import.meta.url, {
  'macvlan: a device of its own on the wire, which neighbours reach without the host': async ({
    ctx,
    open,
    run,
    live,
  }) => {
    await layWire();
    const networks = open();
    await networks.reconcile(ctx, nothing);
    await networks.create(ctx, network('lan', {}));
    const first = await networks.reserve(ctx, 'c1', joining(['lan', { ipv4Address: '10.70.0.9' }]));
    await using _ = await live(networks, first);
    const wire = ['10.70.0.9', '10.70.0.1'];
    await eventually('the neighbour sees it', async () => (await exec(ping('10.70.0.9'))).code === 0);
    const second = await networks.reserve(ctx, 'c2', joining('lan'));
    const script = `ip -d link show eth0; ip route; ${wire.map((each) => ping(each).join(' ')).join(' && ')}`;
    const said = await run(networks, second, ['/bin/sh', '-c', script]);
    assert.equal(said.code, 0, said.stdout + said.stderr);
    assert.match(said.stdout, /macvlan mode bridge/);
    assert.match(said.stdout, /default via 10\.70\.0\.1 dev eth0/);
  },

  'macvlan joined and left while it runs': async ({ ctx, open, live }) => {
    await layWire();
    const networks = open();
    await networks.reconcile(ctx, nothing);
    const { id } = await networks.create(ctx, network('lan', {}));
    const sandbox = await networks.reserve(ctx, 'c1', joining('bridge'));
    await using process = await live(networks, sandbox);
    const inside = ['nsenter', '--net', '--target', String(process.pid)];
    await eventually('it is up', async () => (await execOk([...inside, 'ip', 'link'])).includes('eth0'));
    const [{ settings } = { settings: undefined }] = sandbox.endpoints;
    assert.ok(settings !== undefined);
    const names = { name: 'box', hostname: 'boat' };
    await networks.connect(ctx, 'c1', { network: 'lan', settings, names, pid: process.pid });
    assert.equal((await exec([...inside, ...ping('10.70.0.1')])).code, 0);
    await networks.disconnect(ctx, 'c1', { networkId: id, pid: process.pid });
    assert.doesNotMatch(await execOk([...inside, 'ip', 'link']), /eth1/);
  },

  'a parent that is not there, an unknown mode, a driver that the kernel has not': async ({ ctx, open }) => {
    await layWire();
    const networks = open();
    await networks.reconcile(ctx, nothing);
    for (const [more, message] of [
      [{ options: { parent: 'lan9' } }, /invalid parent interface name: "lan9" was not found on the host/],
      [{ options: { parent: 'lan0', macvlan_mode: 'x' } }, /unknown macvlan mode: x/],
      ...(hasIpvlan
        ? []
        : ([
            [{ driver: 'ipvlan' }, /Cannot make a device of the driver ipvlan \(CONFIG_IPVLAN\): EOPNOTSUPP/],
          ] as const)),
      [{ options: {} }, /the macvlan driver needs the option "parent"/],
    ] as const) {
      await assert.rejects(networks.create(ctx, network('lan', more)), message);
      assert.throws(() => networks.get('lan'), { code: 'not-found' });
    }
  },
});
