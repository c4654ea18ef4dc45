import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { parseEgress } from '../../../daemon/core/egress/parse.ts';
import type { Networks } from '../../../daemon/core/networks/contract.ts';
import type { Endpoint, Sandbox } from '../../../daemon/core/networks/types.ts';
import { bytesOf, parseAddress } from '../../../daemon/core/networks/subnet.ts';
import { arpRequest, icmp, markOption, packet, sctp, tcpAck, udp, type Ends } from '../../lib/frames.ts';
import { eventually, exec, execOk } from '../../lib/process.ts';
import { ask, inOwnNetns, joining, type Place } from './own-netns.ts';

const FRAMES = fileURLToPath(import.meta.resolve('../../lib/frames.py'));
const BEYOND = { 4: '10.9.0.2', 6: 'fd00:9::2' } as const;
const BEYOND_MAC = '02:00:00:00:00:99';
const GATEWAY = { 4: '10.6.0.1', 6: 'fd00:6::1' } as const;
const FAMILIES = [4, 6] as const;
type Family = (typeof FAMILIES)[number];

/** Only what an egress list, and the addresses of its container, let pass. */
const ALLOWED = 100;
const OTHER = 101;

interface Box {
  readonly pid: number;
  readonly endpoint: Endpoint;
}

interface Scene {
  readonly confined: Box;
  readonly free: Box;
  readonly bridge: string;
  readonly bridgeMac: string;
}

interface Sent {
  /** What it is, and whether it passes while all rules stand. */
  readonly name: string;
  readonly passes: boolean;
  /** Where it is seen when it passes. */
  readonly tap: 'bridge' | 'neighbour' | 'outside';
  readonly frame: (mark: Buffer) => Buffer;
}

const addressOf = ({ endpoint }: Box, family: Family): string =>
  family === 4 ? endpoint.ipAddress : endpoint.ipv6Address;
const linkLocalOf = ({ endpoint }: Box): string => {
  const [a = 0, ...rest] = endpoint.macAddress.split(':').map((text) => Number.parseInt(text, 16));
  const [b = 0, c = 0, d = 0, e = 0, f = 0] = rest;
  const groups = [((a ^ 2) << 8) | b, (c << 8) | 0xff, 0xfe00 | d, (e << 8) | f];
  return `fe80::${groups.map((group) => group.toString(16)).join(':')}`;
};

const endsOf = (from: Box, to: Box, family: Family): Ends => ({
  fromMac: from.endpoint.macAddress,
  toMac: to.endpoint.macAddress,
  from: addressOf(from, family),
  to: addressOf(to, family),
});

const bytes = (address: string): Buffer => Buffer.from(bytesOf(parseAddress(address)));
const ZEROS = (count: number): Buffer => Buffer.alloc(count);

/** To the neighbour, by the bridge. `turn` keeps apart what the rules have learned. */
function toNeighbour({ confined, free }: Scene, turn: number): Sent[] {
  const four = endsOf(confined, free, 4);
  const six = endsOf(confined, free, 6);
  const all = { fromMac: four.fromMac, toMac: 'ff:ff:ff:ff:ff:ff' };
  const sent = (name: string, frame: Sent['frame'], passes = true): Sent => ({
    name,
    passes,
    tap: 'neighbour',
    frame,
  });
  return [
    sent('arp', (mark) => arpRequest({ ...four, ...all }, mark)),
    sent('a segment that begins nothing', (mark) => tcpAck(four, [1, OTHER], mark)),
    sent('an echo reply', (mark) => icmp(four, [0, 0], Buffer.concat([ZEROS(4), mark]))),
    ...FAMILIES.flatMap((family) => {
      const ends = family === 4 ? four : six;
      return [
        sent(`a later fragment, ${family}`, (mark) =>
          packet(ends, 'udp', { body: Buffer.concat([ZEROS(16), mark]), offset: 100 }),
        ),
        sent(`allowed, ${family}`, (mark) => udp(ends, [1, ALLOWED], mark)),
        sent(`not allowed, ${family}`, (mark) => udp(ends, [1, OTHER], mark), false),
        sent(`an answer by udp, ${family}`, (mark) => udp(ends, [1_000 + turn, 2_000], mark)),
        sent(`an answer by sctp, ${family}`, (mark) => sctp(ends, [3_000 + turn, 2_000], mark)),
      ];
    }),
  ];
}

type Frame = Sent['frame'];

/** What the neighbour sent before, so that there is something to answer. */
const questions = ({ confined, free }: Scene, turn: number): Buffer[] =>
  FAMILIES.flatMap((family) => {
    const ends = endsOf(free, confined, family);
    const mark = Buffer.from('mark\0');
    return [udp(ends, [2_000, 1_000 + turn], mark), sctp(ends, [2_000, 3_000 + turn], mark)];
  });

/** To the host, or by it to what lies beyond. */
function toHost({ confined, bridgeMac }: Scene): Sent[] {
  const { macAddress: fromMac, ipv6Address: own6 } = confined.endpoint;
  const away = (family: Family): Ends => ({
    fromMac,
    toMac: bridgeMac,
    from: addressOf(confined, family),
    to: BEYOND[family],
  });
  const six = (from: string, to: string): Ends => ({ fromMac, toMac: '33:33:00:00:00:01', from, to });
  const local = linkLocalOf(confined);
  const sent =
    (tap: Sent['tap'], name: string, passes: boolean) =>
    (frame: Frame): Sent => ({ tap, name, passes, frame });
  const discovery = (ends: Ends, type: number, rest: Buffer) => (mark: Buffer) =>
    icmp(ends, [type, 0], Buffer.concat([rest, markOption(mark)]));
  return [
    ...FAMILIES.flatMap((family) => [
      sent('outside', `allowed beyond, ${family}`, true)((mark) => udp(away(family), [1, ALLOWED], mark)),
      sent('outside', `not allowed beyond, ${family}`, false)((mark) => udp(away(family), [1, OTHER], mark)),
    ]),
    sent(
      'bridge',
      'the address of another',
      false,
    )((mark) => udp({ ...away(4), from: '10.6.0.77' }, [1, ALLOWED], mark)),
    sent('bridge', 'a router', false)(discovery(six(local, 'ff02::1'), 134, ZEROS(12))),
    sent(
      'bridge',
      'a neighbour of another address',
      false,
    )(discovery(six(own6, 'ff02::1'), 136, Buffer.concat([ZEROS(4), bytes('fd00:6::77')]))),
    sent(
      'bridge',
      'whether an address is free',
      true,
    )(discovery(six('::', 'ff02::1'), 135, Buffer.concat([ZEROS(4), bytes(own6)]))),
    sent('bridge', 'a report of groups', true)(discovery(six('::', 'ff02::1'), 143, ZEROS(4))),
  ];
}

type Found = Readonly<Record<string, boolean>>;

interface Heard {
  readonly seen: Readonly<Record<string, readonly number[]>>;
  readonly refused: readonly boolean[];
  readonly answered: readonly boolean[];
}

/** What passes now, by name. Waits so long for the errors that come back, which need every neighbour to be found first. */
async function probe(scene: Scene, turn: number, waitS: number): Promise<Found> {
  const { confined, free, bridge, bridgeMac } = scene;
  const inside = ['nsenter', '--net', '--target', String(confined.pid), 'ip'];
  await Promise.all([
    execOk(['ip', 'neigh', 'flush', 'dev', bridge]),
    execOk([...inside, 'neigh', 'flush', 'dev', 'eth0']),
  ]);
  const all = [...toNeighbour(scene, turn), ...toHost(scene)];
  const at = (box: Box, frame: Buffer) => [box.pid, 'eth0', frame.toString('hex')];
  const toGateway = (from: number, to: number): Buffer[] =>
    FAMILIES.map((family) => {
      const ends = { ...endsOf(confined, free, family), toMac: bridgeMac, to: GATEWAY[family] };
      return udp(ends, [from, to], Buffer.from('mark\0'));
    });
  /** The host is asked, and its answer comes to a closed port. */
  const asked = toGateway(4_000 + turn, ALLOWED);
  const { stdout, stderr, code } = await exec([
    'python3',
    FRAMES,
    JSON.stringify({
      taps: { bridge: [0, bridge], neighbour: [free.pid, 'eth0'], outside: [0, 'outside'] },
      frames: [
        ...questions(scene, turn).map((frame) => at(free, frame)),
        ...[
          ...all.map(({ frame }, index) => frame(Buffer.from([...Buffer.from('mark'), index + 1]))),
          ...asked,
        ].map((frame) => at(confined, frame)),
      ],
      sockets: FAMILIES.flatMap((family) => [
        [GATEWAY[family], 5_000 + turn, addressOf(confined, family), 5_000],
        [GATEWAY[family], ALLOWED, addressOf(confined, family), 4_000 + turn],
      ]),
      answers: toGateway(5_000, 5_000 + turn).map((frame) => at(confined, frame)),
      sentinel: [free.pid, 'eth0'],
      bridge: 'bridge',
      waitS,
    }),
  ]);
  assert.equal(code, 0, stderr);
  const { seen, refused, answered } = JSON.parse(stdout) as Heard;
  const frames = all.map(({ name, tap }, index) => [name, seen[tap]?.includes(index + 1) === true] as const);
  return Object.fromEntries([
    ...frames,
    ...FAMILIES.flatMap((family, index) => [
      [`a reply, ${family}`, answered[2 * index] === true],
      [`an error, ${family}`, refused[2 * index + 1] === true],
    ]),
  ]) as Found;
}

async function makeScene({ ctx, live }: Place, networks: Networks): Promise<Scene & AsyncDisposable> {
  const ipam = [
    { subnet: '10.6.0.0/24', gateway: GATEWAY[4], ipRange: undefined, auxAddresses: {} },
    { subnet: 'fd00:6::/64', gateway: GATEWAY[6], ipRange: undefined, auxAddresses: {} },
  ];
  const { id } = await networks.create(ctx, {
    name: 'dual',
    driver: 'bridge',
    enableIPv4: true,
    enableIPv6: true,
    internal: false,
    attachable: false,
    ipam,
    ipamOptions: undefined,
    options: {},
    labels: {},
  });
  for (const command of [
    ['link', 'add', 'outside', 'type', 'veth', 'peer', 'name', 'beyond'],
    ['address', 'add', '10.9.0.1/24', 'dev', 'outside'],
    ['address', 'add', 'fd00:9::1/64', 'dev', 'outside', 'nodad'],
    ['link', 'set', 'outside', 'up'],
    ['link', 'set', 'beyond', 'up'],
    ...FAMILIES.map((family) => [
      ...['neigh', 'replace', BEYOND[family], 'lladdr', BEYOND_MAC, 'dev', 'outside', 'nud', 'permanent'],
    ]),
  ])
    await execOk(['ip', ...command]);
  await exec(['sysctl', '-qw', ...['ip', 'ip6'].map((ip) => `net.bridge.bridge-nf-call-${ip}tables=0`)]);
  const free = await networks.reserve(ctx, 'free', joining('dual'));
  const [four, six] = [free.endpoints[0]?.ipAddress ?? '', free.endpoints[0]?.ipv6Address ?? ''];
  const list = [four, BEYOND[4], GATEWAY[4], `[${six}]`, `[${BEYOND[6]}]`, `[${GATEWAY[6]}]`];
  const egress = parseEgress(list.map((address) => `${address}:${ALLOWED}/udp`).join());
  const confined = await networks.reserve(ctx, 'confined', { ...joining('dual'), egress });
  const stack = new AsyncDisposableStack();
  const boxOf = async (sandbox: Sandbox): Promise<Box> => {
    const { pid } = stack.use(await live(networks, sandbox));
    const [endpoint] = sandbox.endpoints;
    assert.ok(endpoint !== undefined);
    return { pid, endpoint };
  };
  const boxes = { free: await boxOf(free), confined: await boxOf(confined) };
  // As many as are asked for.
  const limits = ['net.ipv4.icmp_ratelimit=0', 'net.ipv6.icmp.ratelimit=0'];
  await execOk(['nsenter', '--net', '--target', String(boxes.confined.pid), 'sysctl', '-qw', ...limits]);
  const bridge = networks.bridgeOf(id)?.bridgeName ?? '';
  const [link] = await ask<{ address: string }[]>('ip', '-j', 'link', 'show', 'dev', bridge);
  return {
    ...boxes,
    bridge,
    bridgeMac: link?.address ?? '',
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

type Chain = readonly [family: string, name: string];

interface Rule {
  readonly chain: Chain;
  readonly text: string;
  readonly handle: string;
}

async function rulesOf([family, name]: Chain): Promise<Rule[]> {
  const listed = await execOk(['nft', '-a', 'list', 'chain', family, 'wherry', name]);
  return listed.split('\n').flatMap((line) => {
    const [, text = '', handle = ''] = /^\t\t(.*) # handle (\d+)$/.exec(line) ?? [];
    return text === '' || text.startsWith('type ') ? [] : [{ chain: [family, name], text, handle }];
  });
}

/** Each rule is taken out for a moment: something else passes then, or less. */
async function takeOutEach(place: Place, chains: readonly Chain[]): Promise<void> {
  const networks = place.open();
  await networks.reconcile(place.ctx, new Set());
  await using scene = await makeScene(place, networks);
  const passing = [...toNeighbour(scene, 0), ...toHost(scene)].map(
    ({ name, passes }) => [name, passes] as const,
  );
  const errors = FAMILIES.flatMap((family) => [`a reply, ${family}`, `an error, ${family}`]);
  const expected: Found = Object.fromEntries([...passing, ...errors.map((name) => [name, true] as const)]);
  let turn = 1;
  const differing = async (waitS: number): Promise<string[]> => {
    const found = await probe(scene, (turn += 1), waitS);
    return Object.keys(expected).filter((name) => found[name] !== expected[name]);
  };
  let last: string[] = [];
  await eventually('what is to pass passes, and nothing else', async () => {
    last = await differing(5);
    return last.length === 0;
  }).catch((error: unknown) => assert.fail(`${String(error)}: ${last.join()}`));
  for (const chain of chains) {
    const { length } = await rulesOf(chain);
    assert.ok(length > 0, `${chain.join(' ')} is empty`);
    for (let index = 0; index < length; index += 1) {
      const rule = (await rulesOf(chain))[index];
      assert.ok(rule !== undefined);
      const [family, name] = rule.chain;
      await execOk(['nft', 'delete', 'rule', family, 'wherry', name, 'handle', rule.handle]);
      const changed = await differing(2);
      assert.notDeepEqual(changed, [], `nothing needs "${rule.text}" of ${chain.join(' ')}`);
      networks.restoreRules();
    }
  }
  assert.deepEqual(await differing(10), []);
}

await inOwnNetns(
  import.meta.url,
  {
    'every rule for what the host is sent is needed': (place) =>
      takeOutEach(place, [
        ['inet', 'egress'],
        ['inet', 'confined'],
      ]),
    'every rule for what comes from a port of a bridge is needed': (place) =>
      takeOutEach(place, [
        ['bridge', 'guard'],
        ['bridge', 'source'],
      ]),
    'every rule for what passes a bridge is needed': (place) =>
      takeOutEach(place, [
        ['bridge', 'forward'],
        ['bridge', 'bridged'],
        ['bridge', 'learn'],
      ]),
  },
  { timeoutMs: 240_000 },
);
