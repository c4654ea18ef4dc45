import { exec } from '../lib/process.ts';
import { create, createPublishing, remove, startContainer } from './client.ts';
import { row, type Engine } from './engine.ts';
import { availableKib } from './memory.ts';
import { interleaved, median, timed } from './statistics.ts';
import type { Row } from './table.ts';

const ROUNDS = 15;
const ATTACHED = 256;
const PORTS = 10_000;
/** dockerd makes rules one by one, and each the slower the more there are: it is spared the rest. */
const PEER_PORTS = 1000;
const FIRST_PORT = 20_000;
const ATTACH_BUDGET_MS = 3;

/** What a network adds to a start; many at once; a large range of ports. */
export async function networks(ours: Engine, theirs: Engine): Promise<Row[]> {
  return [
    ...(await attachment(ours, theirs)),
    ...(await manyAttached(ours, theirs)),
    ...(await manyPorts(ours, theirs)),
  ];
}

async function attachment(ours: Engine, theirs: Engine): Promise<Row[]> {
  const started = async ({ client }: Engine, host: object): Promise<number> => {
    const id = await create(client, ['sleep', '1000'], host);
    const ms = await timed(() => startContainer(client, id));
    await remove(client, id);
    return ms;
  };
  const added = async (engine: Engine): Promise<number> => {
    const times: { with: number[]; without: number[] } = { with: [], without: [] };
    for (let round = 0; round < ROUNDS; round++) {
      times.without.push(await started(engine, { NetworkMode: 'none' }));
      times.with.push(await started(engine, {}));
    }
    return median(times.with) - median(times.without);
  };
  const values = { ours: await added(ours), theirs: await added(theirs) };
  return [
    row('a network, on the path of a start', { ...values, budget: undefined, limit: ATTACH_BUDGET_MS }),
  ];
}

async function manyAttached(ours: Engine, theirs: Engine): Promise<Row[]> {
  const mine = await attached(ours);
  const other = await attached(theirs);
  const what = `${ATTACHED} containers attached at once`;
  return [
    row(what, { ours: mine.ms, theirs: other.ms, budget: 0.5 }),
    row('  memory', { ours: mine.kib, theirs: other.kib, unit: 'KiB', budget: 0.5 }),
    row('  rules', { ours: mine.rules, theirs: other.rules, unit: 'rules', budget: undefined }),
  ];
}

interface Cost {
  readonly ms: number;
  readonly kib: number;
  readonly rules: number;
}

/** Starts them all, on a network of their own, and takes them away again. */
async function attached({ daemon, client }: Engine): Promise<Cost> {
  await client.call('POST', '/networks/create', { Name: 'many', CheckDuplicate: true });
  const ids: string[] = [];
  for (let index = 0; index < ATTACHED; index++)
    ids.push(await create(client, ['sleep', '1000'], { NetworkMode: 'many' }));
  const [kib, rules] = [await availableKib(), await rulesOf(daemon.netnsPid)];
  const ms = await timed(() => Promise.all(ids.map((id) => startContainer(client, id))));
  const cost = {
    ms,
    kib: kib - (await availableKib()),
    rules: (await rulesOf(daemon.netnsPid)) - rules,
  };
  await Promise.all(ids.map((id) => remove(client, id)));
  await client.call('DELETE', '/networks/many');
  return cost;
}

async function manyPorts(ours: Engine, theirs: Engine): Promise<Row[]> {
  const mine = await published(ours, PORTS);
  const other = await published(theirs, PEER_PORTS);
  const times = PORTS / PEER_PORTS;
  const what = `${PORTS} published ports (of dockerd: ${times} times ${PEER_PORTS})`;
  return [
    row(what, { ours: mine.ms, theirs: other.ms * times, budget: 0.1 }),
    row('  memory', { ours: mine.kib, theirs: other.kib * times, unit: 'KiB', budget: 0.1 }),
    row('  rules', { ours: mine.rules, theirs: other.rules * times, unit: 'rules', budget: 0.01 }),
  ];
}

async function published({ daemon, client }: Engine, count: number): Promise<Cost> {
  const ports = Array.from({ length: count }, (_, index) => FIRST_PORT + index);
  const id = await createPublishing(client, ports);
  const [kib, rules] = [await availableKib(), await rulesOf(daemon.netnsPid)];
  const ms = await timed(() => startContainer(client, id));
  const cost = {
    ms,
    kib: kib - (await availableKib()),
    rules: (await rulesOf(daemon.netnsPid)) - rules,
  };
  await remove(client, id);
  return cost;
}

/** Of nftables, and of iptables where that keeps its own. */
async function rulesOf(netnsPid: number): Promise<number> {
  const count = 'nft -a list ruleset | grep -c " # handle"; iptables-legacy-save 2>/dev/null | grep -c ^-A';
  const words = ['nsenter', `--net=/proc/${netnsPid}/ns/net`, '--', 'sh', '-c', count];
  const { stdout } = await exec(words, { timeoutMs: 60_000 });
  return stdout
    .trim()
    .split('\n')
    .reduce((sum, line) => sum + Number(line), 0);
}

/** A volume's whole life. */
export async function volumes(ours: Engine, theirs: Engine): Promise<Row[]> {
  const life = async ({ client }: Engine): Promise<void> => {
    await client.call('POST', '/volumes/create', { Name: 'bench' });
    await client.call('DELETE', '/volumes/bench');
  };
  const times = await interleaved(ROUNDS, [() => life(ours), () => life(theirs)]);
  const values = { ours: median(times.ours), theirs: median(times.theirs), budget: 1 };
  return [row('volume create and remove', values)];
}
