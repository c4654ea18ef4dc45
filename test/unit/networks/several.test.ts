import assert from 'node:assert/strict';
import type { NetworkRequest } from '../../../daemon/core/networks/contract.ts';
import type { Endpoint } from '../../../daemon/core/networks/types.ts';
import { eventually, exec, execOk } from '../../lib/process.ts';
import { ask, inOwnNetns, joining, type Joined } from './own-netns.ts';

const nothing = new Set<string>();
const network = (name: string, more: Partial<NetworkRequest> = {}): NetworkRequest => ({
  name,
  driver: 'bridge',
  enableIPv4: true,
  enableIPv6: false,
  internal: false,
  attachable: false,
  ipam: [],
  ipamOptions: undefined,
  options: {},
  labels: {},
  ...more,
});
const sh = (script: string): string[] => ['/bin/sh', '-c', script];
const links = async (): Promise<string[]> =>
  (await ask<{ ifname: string }[]>('ip', '-j', 'link')).map(({ ifname }) => ifname);

await inOwnNetns(import.meta.url, {
  'five networks at once: an interface each, and one default route of each family': async ({
    ctx,
    open,
    run,
  }) => {
    const networks = open();
    await networks.reconcile(ctx, nothing);
    const names = ['n1', 'n2', 'n3', 'n4', 'n5'];
    for (const name of names) {
      await networks.create(ctx, network(name, { enableIPv6: name === 'n4', internal: name === 'n1' }));
    }
    const sandbox = await networks.reserve(ctx, 'c1', joining(...names));
    const { code, stdout, stderr } = await run(
      networks,
      sandbox,
      sh('ip -j addr; ip -j route; ip -6 -j route'),
    );
    assert.equal(code, 0, stderr);
    const [addresses = '', routes = '', routes6 = ''] = stdout.trim().split('\n');
    const shown = JSON.parse(addresses) as {
      ifname: string;
      addr_info: { local: string; scope: string }[];
    }[];
    assert.deepEqual(
      shown
        .slice(1)
        .map(({ ifname, addr_info }) => [
          ifname,
          ...addr_info.filter(({ scope }) => scope === 'global').map(({ local }) => local),
        ]),
      sandbox.endpoints.map(({ interfaceName, ipAddress, ipv6Address }) =>
        [interfaceName, ipAddress, ipv6Address].filter((text) => text !== ''),
      ),
    );
    const byDefault = (text: string): object[] =>
      (JSON.parse(text) as { dst: string; dev: string }[])
        .filter(({ dst }) => dst === 'default')
        .map(({ dev }) => ({ dev }));
    assert.deepEqual(byDefault(routes), [{ dev: 'eth1' }], 'n1 is internal, n2 the first by name');
    assert.deepEqual(byDefault(routes6), [{ dev: 'eth3' }]);
  },

  'joined and left while it runs; the default route goes where it belongs': async ({ ctx, open, live }) => {
    const networks = open();
    await networks.reconcile(ctx, nothing);
    await networks.create(ctx, network('aside'));
    const sandbox = await networks.reserve(ctx, 'c1', joining('bridge'));
    await using process = await live(networks, sandbox);
    const inside = ['nsenter', '--net', '--target', String(process.pid)];
    await eventually('it is up', async () => (await execOk([...inside, 'ip', 'link'])).includes('eth0'));
    const route = async (): Promise<string> => execOk([...inside, 'ip', 'route', 'show', 'default']);
    const names = { name: 'box', hostname: 'boat' };
    const [{ settings } = { settings: undefined }] = sandbox.endpoints;
    assert.ok(settings !== undefined);
    const request = {
      network: 'aside',
      settings: { ...settings, gatewayPriority: 1 },
      names,
      pid: process.pid,
    };
    const endpoint = await networks.connect(ctx, 'c1', request);
    assert.match(await route(), /dev eth1/);
    assert.equal((await exec([...inside, 'busybox', 'ping', '-c1', '-W2', endpoint.gateway])).code, 0);
    await assert.rejects(networks.connect(ctx, 'c1', request), { code: 'permission-denied' });
    assert.equal((await links()).filter((name) => name.startsWith('veth')).length, 2);
    const gone = await networks.disconnect(ctx, 'c1', { networkId: endpoint.networkId, pid: process.pid });
    assert.equal(gone?.endpointId, endpoint.endpointId);
    assert.match(await route(), /dev eth0/);
    assert.equal((await links()).filter((name) => name.startsWith('veth')).length, 1);
    await networks.remove(ctx, 'aside');
    assert.ok(!(await links()).some((name) => name.startsWith('br-')));
  },

  'a connect that fails leaves nothing, and says what was refused': async ({ ctx, open, live }) => {
    const networks = open();
    await networks.reconcile(ctx, nothing);
    const view = await networks.create(ctx, network('aside'));
    const sandbox = await networks.reserve(ctx, 'c1', joining('bridge'));
    await using process = await live(networks, sandbox);
    const inside = ['nsenter', '--net', '--target', String(process.pid)];
    await eventually('it is up', async () => (await execOk([...inside, 'ip', 'link'])).includes('eth0'));
    await execOk([...inside, 'ip', 'link', 'add', 'eth1', 'type', 'bridge']);
    const [{ settings } = { settings: undefined }] = sandbox.endpoints;
    assert.ok(settings !== undefined);
    await assert.rejects(
      networks.connect(ctx, 'c1', {
        network: 'aside',
        settings,
        names: { name: 'b', hostname: 'b' },
        pid: process.pid,
      }),
      /Cannot create the veth pair "veth[0-9a-f]{7}" and "eth1": EEXIST/,
    );
    assert.deepEqual(networks.endpointsIn(view.id), []);
    assert.equal((await links()).filter((name) => name.startsWith('veth')).length, 1);
    assert.equal(networks.sandboxOf('c1')?.endpoints.length, 1);
  },

  'a restart brings back every bridge, address and rule': async ({ ctx, open }) => {
    const networks = open();
    await networks.reconcile(ctx, nothing);
    const view = await networks.create(ctx, network('front', { enableIPv6: true }));
    const bridge = `br-${view.id.slice(0, 12)}`;
    const picture = async (): Promise<string> =>
      `${await execOk(['nft', 'list', 'ruleset'])}${await execOk(['ip', '-br', 'address', 'show', bridge])}`;
    const before = await picture();
    await execOk(['ip', 'link', 'delete', bridge]);
    await execOk(['nft', 'flush', 'ruleset']);
    await open().reconcile(ctx, nothing);
    const withoutLinkLocal = (text: string): string =>
      text.replaceAll(/ fe80\S+/g, '').replaceAll(/ +/g, ' ');
    assert.equal(withoutLinkLocal(await picture()), withoutLinkLocal(before));
  },

  'names: by name, alias, short id, link, network, and back': async ({ ctx, open }) => {
    const networks = open();
    await networks.reconcile(ctx, nothing);
    await networks.create(ctx, network('front'));
    await networks.create(ctx, network('back'));
    const id = (digit: string): string => digit.repeat(64);
    const join = async (
      name: string,
      digit: string,
      ...to: readonly Joined[]
    ): Promise<readonly Endpoint[]> => {
      const request = { ...joining(...to), names: { name, hostname: digit } };
      return (await networks.reserve(ctx, id(digit), request)).endpoints;
    };
    const [web] = await join('Web', 'a', ['front', { aliases: ['www'] }]);
    const [second] = await join('web2', 'b', ['front', { aliases: ['www'] }]);
    await join('far', 'c', 'back');
    await join('me', 'd', ['front', { links: ['Web:db'] }]);
    await join('old', 'e', 'bridge');
    const found = (who: string, name: string): string[] =>
      networks.lookUp(id(who), name).map(({ ipAddress }) => ipAddress);
    for (const name of ['web', 'WEB', 'web.front', 'aaaaaaaaaaaa', 'db']) {
      assert.deepEqual(found('d', name), [web?.ipAddress], name);
    }
    assert.deepEqual(found('d', 'www'), [web?.ipAddress, second?.ipAddress], 'a shared alias');
    assert.deepEqual(found('d', 'far'), [], 'another network');
    assert.deepEqual(found('a', 'db'), [], "a link is its owner's");
    assert.deepEqual(found('e', 'old'), [], 'none on the default bridge');
    assert.equal(networks.lookUpAddress(id('d'), web?.ipAddress ?? ''), 'Web.front');
    networks.renamed(id('a'), 'Web', 'site');
    assert.deepEqual(found('d', 'site'), [web?.ipAddress]);
    assert.deepEqual(found('d', 'web'), []);
    assert.deepEqual(found('d', 'www').length, 2);
  },
});
