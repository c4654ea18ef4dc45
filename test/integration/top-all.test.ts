import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../lib/process.ts';
import { daemonSuite } from '../lib/suite.ts';

interface Process {
  readonly container: string;
  readonly pid: number;
  readonly cpuPercent: number;
  readonly residentBytes: number;
  readonly command: string;
}

daemonSuite('wherry top -a', (daemon) => {
  const run = (name: string, script: string): Promise<string> =>
    daemon().dockerOk('run', '-d', '--stop-signal', 'KILL', '--name', name, 'busybox', 'sh', '-c', script);
  const all = async (...args: string[]): Promise<Process[]> =>
    JSON.parse(await daemon().wherryOk('top', '-a', '--format', 'json', ...args)) as Process[];

  test('shows the processes of every container, measured and in order', async () => {
    await run('busy', 'while :; do :; done');
    await run('full', 'x=$(head -c 30m /dev/zero | tr "\\0" x); sleep 1000 & wait');
    await eventually('it is full', async () =>
      (await all()).some(({ residentBytes }) => residentBytes > 30e6),
    );
    const byCpu = await all();
    assert.deepEqual(byCpu.map(({ container }) => container).toSorted(), ['busy', 'full', 'full']);
    assert.equal(byCpu[0]?.container, 'busy');
    assert.ok((byCpu[0]?.cpuPercent ?? 0) > 2, JSON.stringify(byCpu[0]));
    assert.ok(byCpu.every(({ container, cpuPercent }) => container === 'busy' || cpuPercent < 2));
    assert.ok(((await all('--sort', 'mem'))[0]?.residentBytes ?? 0) > 30e6);
    const pids = (await all('--sort', 'pid')).map(({ pid }) => pid);
    assert.deepEqual(
      pids,
      pids.toSorted((a, b) => a - b),
    );
    assert.deepEqual(
      (await all('--sort', 'name')).map(({ container }) => container),
      ['busy', 'full', 'full'],
    );
    assert.deepEqual(new Set((await all('full')).map(({ container }) => container)), new Set(['full']));
    const text = await daemon().wherryOk('top', '-a', '--sort', 'name');
    const [heading = '', first = ''] = text.split('\n');
    assert.match(heading, /^CONTAINER +PID +USER +CPU % +MEM % +MEM +TIME +COMMAND$/);
    assert.match(
      first,
      /^busy +\d+ +root +\d+\.\d% +\d+\.\d% +[\d.]+[KM]iB +\d\d:\d\d:\d\d +sh -c while :; do :; done$/,
    );
  });

  test('refusals; nothing is shown where nothing runs', async () => {
    assert.deepEqual(await all(), []);
    const table: readonly (readonly [readonly string[], RegExp])[] = [
      [['-a', '--sort', 'size'], /unknown order "size": must be one of cpu, mem, pid, name, time/],
      [['-a', 'nobody'], /No such container: nobody/],
      [['--sort', 'cpu', 'x'], /--sort and --format are of --all/],
      [['-a', '--format', 'x'], /unknown format: "x"/],
      [[], /requires at least 1 argument/],
    ];
    for (const [args, text] of table) {
      const { stderr, code } = await daemon().wherry('top', ...args);
      assert.equal(code, 1);
      assert.match(stderr, text);
    }
  });
});
