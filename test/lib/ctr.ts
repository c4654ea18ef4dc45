import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { startDaemon, type Daemon, type DaemonOptions } from './daemon.ts';
import { listening, openBench, type Bench } from './dropin.ts';
import { eventually, type Result } from './process.ts';

/** Debian's ctr, asked the same twice: of our daemon, and of a real containerd beside it. */
export interface Beside {
  readonly daemon: Daemon;
  readonly bench: Bench;
  readonly ours: (...args: string[]) => Promise<Result>;
  readonly theirs: (...args: string[]) => Promise<Result>;
  /** Both, with the same input; what they print must be the same, but for times and paths. Returns our answer. */
  readonly same: (args: readonly string[], input?: string | Uint8Array) => Promise<Result>;
  /** `same` of a command line without quotes in it. */
  readonly run: (command: string) => Promise<Result>;
  readonly addresses: { readonly ours: string; readonly theirs: string };
}

const CONFIG = `version = 2
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[plugins."io.containerd.gc.v1.scheduler"]
  startup_delay = "1h"
  mutation_threshold = 1000000
`;

export async function startBeside(t: TestContext, options: DaemonOptions = {}): Promise<Beside> {
  const bench = await openBench();
  t.after(() => bench[Symbol.asyncDispose]());
  const daemon = await startDaemon(t, options);
  const config = join(bench.directory, 'config.toml');
  await writeFile(config, CONFIG);
  const [root, state] = [join(bench.directory, 'root'), join(bench.directory, 'state')];
  const addresses = {
    ours: join(daemon.execRoot, 'containerd.sock'),
    theirs: join(bench.directory, 'c.sock'),
  };
  bench.daemon([
    // Where it leaves what it has unpacked of checkpoints.
    ...['env', `XDG_RUNTIME_DIR=${bench.directory}`],
    ...['containerd', '-c', config, '--root', root, '--state', state, '-a', addresses.theirs],
  ]);
  await listening(addresses.theirs);
  const ask =
    (address: string) =>
    (args: readonly string[], input?: string | Uint8Array): Promise<Result> =>
      bench.run(['ctr', '-a', address, ...args], input);
  const [ours, theirs] = [ask(addresses.ours), ask(addresses.theirs)];
  await eventually('containerd answers', async () => (await theirs(['version'])).code === 0);
  const places = [daemon.dataRoot, daemon.execRoot, root, state];
  const same = async (args: readonly string[], input?: string | Uint8Array): Promise<Result> => {
    const expected = await theirs(args, input);
    const actual = await ours(args, input);
    assert.deepEqual(comparable(actual, places), comparable(expected, places), `ctr ${args.join(' ')}`);
    return actual;
  };
  return {
    ...{ daemon, bench, addresses, same },
    ours: (...args) => ours(args),
    theirs: (...args) => theirs(args),
    run: (command) => same(command.split(' ')),
  };
}

/** Of a bar that is drawn again and again, and is asked for once more when all is done. */
const PROGRESS = /^elapsed: |\s\|.*[+-]{5,}.*\||failed to get content info" error="context canceled"/;

/**
 * Times, rates, process ids and paths of either are never the same, nor how often progress is drawn, nor the order of labels. A table's columns are as
 * wide as what is in them.
 */
export function comparable({ code, stdout, stderr }: Result, places: readonly string[]): unknown {
  const plain = (text: string): string[] =>
    places
      .reduce((shown, place) => shown.replaceAll(place, '<root>'), text)
      .replaceAll(/\d{4}-\d\d-\d\d[T ][\d:.]+(Z| [+-]\d{4} UTC)?/g, '<time>')
      .replaceAll(/\b\d+(?=\s+(RUNNING|PAUSED|STOPPED|CREATED|-|&ProcessDetails))/g, '<pid>')
      .replaceAll(/\b(\d+ seconds?|less than a second|about a minute|[\d.]+m?s)\b/gi, '<while>')
      .replaceAll(/<root>\/(io\.containerd\.snapshotter\.v1\.overlayfs\/)?snapshots\/[\w/]+/g, '<directory>')
      // How containerd calls a snapshot inside.
      .replaceAll(/\bdefault\/\d+\//g, '')
      .split('\n')
      .filter((line) => !PROGRESS.test(line))
      .map((line) =>
        withSortedLabels(line)
          .trimEnd()
          .replaceAll(/[ \t]+/g, ' '),
      );
  return { code, stdout: plain(stdout), stderr: plain(stderr) };
}

/** Go walks a map in another order each time. */
export const withSortedLabels = (line: string): string =>
  line.replace(/(\S+=\S+,)+\S+/, (labels) => labels.split(',').toSorted().join(','));

const PORT = 5000;

/** Debian's docker-registry where the bench's ctr reaches it. Returns its address. */
export async function registryIn(bench: Bench): Promise<string> {
  const config = join(bench.directory, 'registry.yml');
  const address = `127.0.0.1:${PORT}`;
  const root = join(bench.directory, 'registry');
  await writeFile(
    config,
    `version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: ${root}}}\nhttp: {addr: "${address}"}\n`,
  );
  bench.daemon(['docker-registry', 'serve', config]);
  await eventually('the registry answers', async () => {
    const { code } = await bench.run(['bash', '-c', `</dev/tcp/127.0.0.1/${PORT}`]);
    return code === 0;
  });
  return address;
}
