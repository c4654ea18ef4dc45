import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { busyboxArchive } from './busybox.ts';
import { built } from './clients.ts';
import { withSortedLabels } from './ctr.ts';
import { startDaemon } from './daemon.ts';
import { listening, openBench, type Bench } from './dropin.ts';
import { removeCgroups } from './owned.ts';
import { eventually, type Result } from './process.ts';

/** Debian's ctr and our wctr, each in a namespace of its own of the same daemon. */
export interface Pair {
  readonly bench: Bench;
  readonly address: string;
  /** Of a docker archive with busybox. */
  readonly archive: string;
  readonly ctr: Client;
  readonly wctr: Client;
  /** Lines of those of wctr's FIFOs whose names have this in them. */
  readonly fifosOf: (name: string) => Promise<string>;
  /** Both run it; what they print must be the same but for what never is. Returns wctr's answer. */
  readonly same: (command: string, input?: string) => Promise<Result>;
}

interface Client {
  (...args: string[]): Promise<Result>;
  /** What a shell calls it by. */
  readonly words: string;
}

const FIFOS = '/run/wherry/fifo';
export const IMAGE = 'docker.io/library/busybox:latest';

const CONFIG = `version = 2
disabled_plugins = ["io.containerd.grpc.v1.cri"]
`;

/** Starts a real containerd for this test. */
async function startPair(t: TestContext): Promise<Pair> {
  const bench = await openBench();
  // wctr's FIFOs have one place on a host: here it is this test's own.
  await mkdir(FIFOS, { recursive: true });
  assert.equal((await bench.run(['mount', '-t', 'tmpfs', 'tmpfs', FIFOS])).code, 0);
  const address = join(bench.directory, 'c.sock');
  const pair = await pairAt(bench, address);
  // In this order: what runs is ended by its containerd.
  t.after(async () => {
    for (const client of [pair.ctr, pair.wctr]) await clear(client);
    await bench[Symbol.asyncDispose]();
    for (const namespace of ['a', 'b']) await removeCgroups(`/of-${namespace}-${process.pid}`);
  });
  const config = join(bench.directory, 'config.toml');
  await writeFile(config, CONFIG);
  const [root, state] = [join(bench.directory, 'root'), join(bench.directory, 'state')];
  bench.daemon(['containerd', '-c', config, '--root', root, '--state', state, '-a', address]);
  await listening(address);
  await eventually('containerd answers', async () => (await pair.ctr('version')).code === 0);
  return pair;
}

/** Both at a daemon of ours. */
async function startOwnPair(t: TestContext): Promise<Pair> {
  const bench = await openBench();
  const daemon = await startDaemon(undefined, { busybox: false });
  const pair = await pairAt(bench, join(daemon.execRoot, 'containerd.sock'));
  // In this order: its daemon ends what runs.
  t.after(async () => {
    for (const client of [pair.ctr, pair.wctr]) await clear(client);
    await daemon[Symbol.asyncDispose]();
    await bench[Symbol.asyncDispose]();
    for (const namespace of ['a', 'b']) await removeCgroups(`/of-${namespace}-${process.pid}`);
  });
  return pair;
}

/** By whose daemon it is. */
export const PAIRS = { 'a real containerd': startPair, 'our own daemon': startOwnPair } as const;

/** The same with a daemon that runs already. */
export async function pairAt(bench: Bench, address: string): Promise<Pair> {
  const archive = join(bench.directory, 'busybox.tar');
  await writeFile(archive, await busyboxArchive());
  const ask = (program: string, namespace: string) => {
    const argv = [program, '-a', address, '-n', namespace];
    const run = (args: readonly string[], input?: string): Promise<Result> =>
      bench.run([...argv, ...args], input);
    return { run, client: Object.assign((...args: string[]) => run(args), { words: argv.join(' ') }) };
  };
  // Of one length, so that tables are as wide.
  const [first, second] = [ask('ctr', `of-a-${process.pid}`), ask(built('wctr'), `of-b-${process.pid}`)];
  return {
    ...{ bench, address, archive },
    ctr: first.client,
    wctr: second.client,
    fifosOf: async (name) =>
      (await bench.run(['sh', '-c', `ls -R ${FIFOS} 2> /dev/null | grep -e ${name}`])).stdout,
    same: async (command, input) => {
      const words = command.split(' ');
      const expected = await first.run(words, input);
      const actual = await second.run(words, input);
      assert.deepEqual(comparable(actual), comparable(expected), command);
      return actual;
    },
  };
}

async function clear(client: Pair['ctr']): Promise<void> {
  const { stdout } = await client('containers', 'ls', '-q');
  for (const id of stdout.split('\n').filter((each) => each !== '')) {
    await client('tasks', 'rm', '-f', id);
    await client('containers', 'rm', id);
  }
  const images = (await client('images', 'ls', '-q')).stdout.split('\n').filter((each) => each !== '');
  if (images.length > 0) await client('images', 'rm', '--sync', ...images);
}

const PROCESS = '<pid>';

/** Names of programs, namespaces, numbers of processes and of snapshots, times, and what a process has used. */
function comparable({ code, stdout, stderr }: Result): unknown {
  const plain = (text: string): string[] => {
    const lines = text
      .replaceAll(/^w?ctr: /gm, '')
      .replaceAll(new RegExp(`of-[ab]-${process.pid}`, 'g'), '<namespace>')
      .replaceAll(/\d{4}-\d\d-\d\d[T ][\d:.]+(Z| \+0000 UTC)/g, '<time>')
      .replaceAll(/\b\d+ seconds?\b|About a minute|Less than a second/g, '<while>')
      .replaceAll(/snapshots\/(w\/)?\d+\//g, 'snapshots/<n>/')
      .replaceAll(/(gc\.ref[^\s=]*=[^\s,]*,?)+/g, '<references>')
      .replaceAll(/^(c\d +)\d+ +/gm, '$1<pid> ')
      .replaceAll(/^\d+ +(-|&)/gm, '<pid> $1')
      .split('\n')
      .map((line) =>
        withSortedLabels(line)
          .trimEnd()
          .replaceAll(/\s{2,}|\t/g, ' '),
      );
    // In the order of numbers, which begin anew one day.
    const processes = lines.filter((line) => line.startsWith(PROCESS)).toSorted();
    return lines.map((line) => (line.startsWith(PROCESS) ? (processes.shift() ?? line) : line));
  };
  return { code, stdout: plain(stdout), stderr: plain(stderr) };
}
