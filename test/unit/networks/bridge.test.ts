import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { execOk } from '../../lib/process.ts';
import { ask, inOwnNetns } from './own-netns.ts';

const nothing = new Set<string>();

interface IpAddress {
  readonly ifname: string;
  readonly address: string;
  readonly addr_info: readonly {
    readonly local: string;
    readonly prefixlen: number;
    readonly broadcast?: string;
  }[];
}

const addressesOf = async (device: string): Promise<IpAddress[]> =>
  ask('ip', '-4', '-j', 'address', 'show', 'dev', device);
/** Handles count up; counters are not used. */
const rules = async (): Promise<string> => execOk(['nft', 'list', 'ruleset']);
/** Of the firewall alone, without sets. */
const OWN = /^\tchain (published|masquerading|networks|postrouting|forward) /;
const ownChains = async (): Promise<string> =>
  (await rules())
    .replace(/^table inet wherry \{\n/, '')
    .replace(/\n\}$/, '')
    .split('\n\n')
    .filter((block) => OWN.test(block))
    .join('\n\n');

const EXPECTED_RULES = `	chain published {
	}

	chain masquerading {
		ip saddr . oifname @own4 accept
		ip saddr . meta l4proto @masqueraded4 masquerade
		ip6 saddr . oifname @own6 accept
		ip6 saddr . meta l4proto @masqueraded6 masquerade
	}

	chain networks {
		oifname @bridges ct state established,related accept
		iifname . oifname @within accept
		iifname . oifname @apart drop
		iifname @internal drop
		oifname @internal drop
		oifname @open accept
		jump published
		oifname @bridges drop
		iifname @bridges accept
	}

	chain postrouting {
		type nat hook postrouting priority srcnat; policy accept;
		jump masquerading
	}

	chain forward {
		type filter hook forward priority filter; policy accept;
		jump networks
	}`;

await inOwnNetns(import.meta.url, {
  'the bridge, its address, rules and forwarding are made, and stay the same when made again': async ({
    ctx,
    open,
  }) => {
    await open().reconcile(ctx, nothing);
    const [first] = await addressesOf('wherry0');
    assert.deepEqual(
      first?.addr_info.map(({ local, prefixlen, broadcast }) => ({ local, prefixlen, broadcast })),
      [{ local: '172.17.0.1', prefixlen: 16, broadcast: '172.17.255.255' }],
    );
    assert.equal(await ownChains(), EXPECTED_RULES);
    assert.match(await rules(), /set own4 \{[^}]*elements = \{ 172\.17\.0\.0\/16 \. "wherry0" \}/);
    assert.match(await rules(), /set masqueraded4 \{[^}]*elements = \{ 172\.17\.0\.0\/16 \. 0-255 \}/);
    assert.match(await rules(), /set within \{[^}]*elements = \{ "wherry0" \. "wherry0" \}/);
    assert.equal(await readFile('/proc/sys/net/ipv4/ip_forward', 'utf8'), '1\n');
    assert.equal(await readFile('/proc/sys/net/ipv6/conf/wherry0/accept_ra', 'utf8'), '0\n');
    await open().reconcile(ctx, nothing);
    assert.deepEqual(await addressesOf('wherry0'), [first]);
    assert.equal(await ownChains(), EXPECTED_RULES);
  },

  'networks keep their ids, and are found by name, id and unique prefix': async ({ ctx, open }) => {
    const networks = open();
    await networks.reconcile(ctx, nothing);
    assert.deepEqual(
      networks.list().map(({ name, driver }) => `${name} ${driver}`),
      ['bridge bridge', 'host host', 'none null'],
    );
    const bridge = networks.get('bridge');
    assert.equal(bridge.ipam[0]?.subnet, '172.17.0.0/16');
    assert.equal(bridge.ipam[0]?.gateway, '172.17.0.1');
    assert.equal(bridge.options['com.docker.network.bridge.name'], 'wherry0');
    assert.deepEqual(networks.get(bridge.id.slice(0, 12)), bridge);
    assert.equal(JSON.stringify(open().list()), JSON.stringify(networks.list()));
    assert.throws(() => networks.get('nosuch'), { code: 'not-found', message: 'network nosuch not found' });
    assert.throws(() => networks.get(''), { code: 'not-found' });
  },

  'a network that the host uses already is left to the host': async ({ ctx, open }) => {
    await execOk(['ip', 'link', 'add', 'lan0', 'type', 'bridge']);
    await execOk(['ip', 'address', 'add', '172.17.9.1/24', 'dev', 'lan0']);
    await execOk(['ip', 'link', 'set', 'lan0', 'up']);
    await execOk(['ip', 'route', 'add', '172.18.0.0/15', 'via', '172.17.9.2']);
    const networks = open();
    await networks.reconcile(ctx, nothing);
    assert.equal(networks.get('bridge').ipam[0]?.subnet, '172.20.0.0/16');
  },

  'bip is obeyed, and a changed one replaces the former address': async ({ ctx, open }) => {
    await open({ bip: '10.77.0.1/24' }).reconcile(ctx, nothing);
    const networks = open({ bip: '10.78.3.4/22' });
    await networks.reconcile(ctx, nothing);
    const [bridge] = await addressesOf('wherry0');
    assert.deepEqual(
      bridge?.addr_info.map(({ local, prefixlen }) => `${local}/${prefixlen}`),
      ['10.78.3.4/22'],
    );
    assert.match(await rules(), /set masqueraded4 \{[^}]*10\.78\.0\.0\/22 \. 0-255/);
    assert.equal(networks.get('bridge').ipam[0]?.subnet, '10.78.0.0/22');
  },

  'daemons side by side have bridges, networks and tables of their own': async ({ ctx, open }) => {
    await open().reconcile(ctx, nothing);
    const other = open({ bridgeName: 'wherry1', bip: '10.79.0.1/24' });
    await other.reconcile(ctx, nothing);
    assert.match(
      await rules(),
      /table inet wherry \{[^]*table inet wherry-wherry1 \{[^]*10\.79\.0\.0\/24 \. 0-255/,
    );
    assert.equal((await addressesOf('wherry0')).length, 1);
    assert.equal((await addressesOf('wherry1')).length, 1);
  },

  'without firewall and forwarding neither is touched, and rules of before go': async ({ ctx, open }) => {
    await open().reconcile(ctx, nothing);
    await execOk(['sh', '-c', 'echo 0 > /proc/sys/net/ipv4/ip_forward']);
    await execOk(['nft', 'add', 'table', 'ip', 'hosts-own']);
    await open({ firewall: false, ipForward: false }).reconcile(ctx, nothing);
    assert.equal(await rules(), 'table ip hosts-own {\n}');
    assert.equal(await readFile('/proc/sys/net/ipv4/ip_forward', 'utf8'), '0\n');
  },

  'a device of another kind with the name of the bridge is not touched': async ({ ctx, open }) => {
    await execOk(['ip', 'link', 'add', 'wherry0', 'type', 'veth']);
    await assert.rejects(open().reconcile(ctx, nothing), {
      code: 'conflict',
      message: 'Cannot use "wherry0" as bridge: it is a veth',
    });
  },

  "the kernel's own words come with its refusal": async ({ ctx, open }) => {
    await assert.rejects(open({ mtu: 1 }).reconcile(ctx, nothing), {
      code: 'internal',
      message: 'Cannot create bridge "wherry0": EINVAL (mtu less than device minimum)',
    });
  },
});
