import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { eventually } from '../lib/process.ts';
import { daemonSuite } from '../lib/suite.ts';

const PROGRAM = fileURLToPath(new URL('../../build/native/container-init', import.meta.url));

daemonSuite('run --init', (daemon) => {
  const init = (...args: string[]): string[] => ['run', '--init', ...args];

  test('the first process is ours, the program the second; inspect shows the program', async () => {
    const id = await daemon().dockerOk(...init('-d', 'busybox', 'sleep', '1000'));
    const shown = ['inspect', '-f', '{{.Path}} {{.HostConfig.Init}}', id];
    assert.equal(await daemon().dockerOk(...shown), 'sleep true');
    const first = await daemon().dockerOk('exec', id, 'sh', '-c', 'xargs -0 echo < /proc/1/cmdline');
    assert.equal(first, '/sbin/docker-init -- sleep 1000');
    assert.equal(await daemon().dockerOk('info', '-f', '{{.InitBinary}}'), 'docker-init');
    const without = await daemon().dockerOk('create', 'busybox', 'true');
    assert.equal(await daemon().dockerOk('inspect', '-f', '{{.HostConfig.Init}}', without), '<nil>');
  });

  test('exit codes: its own, 128 and the signal, 127 and 126 for what can not be run', async () => {
    const cases: [code: number, command: string[]][] = [
      [0, ['true']],
      [23, ['sh', '-c', 'exit 23']],
      [137, ['sh', '-c', 'kill -9 $$']],
      [127, ['no-such-program']],
      [126, ['/etc']],
    ];
    const codes = await Promise.all(
      cases.map(async ([, command]) => (await daemon().docker(...init('busybox', ...command))).code),
    );
    assert.deepEqual(
      codes,
      cases.map(([code]) => code),
    );
  });

  test('signals reach the program: TERM of stop, and others', async () => {
    const script =
      'trap "echo term; exit 3" TERM; trap "echo hup" HUP; echo ready; while :; do sleep 0.05; done';
    const id = await daemon().dockerOk(...init('-d', 'busybox', 'sh', '-c', script));
    const says = (wanted: string) =>
      eventually(wanted, async () => (await daemon().dockerOk('logs', id)).includes(wanted));
    await says('ready');
    await daemon().dockerOk('kill', '-s', 'HUP', id);
    await says('hup');
    await daemon().dockerOk('stop', '-t', '100', id);
    await says('term');
    assert.equal(await daemon().dockerOk('inspect', '-f', '{{.State.ExitCode}}', id), '3');
    // Without it the first process ignores what it does not handle.
    const plain = await daemon().dockerOk(...init('-d', 'busybox', 'sleep', '1000'));
    await daemon().dockerOk('stop', '-t', '100', plain);
    assert.equal(await daemon().dockerOk('inspect', '-f', '{{.State.ExitCode}}', plain), '143');
  });

  test('orphans are reaped', async () => {
    const script =
      'i=0; while [ $i -lt 50 ]; do (true & exec true) & i=$((i+1)); done; echo done; exec sleep 1000';
    const id = await daemon().dockerOk(...init('-d', 'busybox', 'sh', '-c', script));
    await eventually('they are made', async () => (await daemon().dockerOk('logs', id)).includes('done'));
    const orphan = await daemon().dockerOk('exec', id, 'sh', '-c', '(sleep 0.05 & echo $!)');
    await eventually('nothing is left of it', async () => {
      const states = await daemon().dockerOk(
        'exec',
        id,
        'sh',
        '-c',
        `cat /proc/${orphan}/stat 2>/dev/null; true`,
      );
      return states === '';
    });
  });

  test('with a terminal: job control, and Ctrl-C for the foreground', async () => {
    await using terminal = daemon().terminal('docker', ...init('-it', 'busybox', 'sh'));
    await terminal.shows(/[$#] /);
    terminal.type('sleep 1000\n');
    await eventually('it sleeps', async () => {
      terminal.type('\u0003');
      terminal.type('echo back-$((40+2))\n');
      return terminal.shows('back-42', 300).then(
        () => true,
        () => false,
      );
    });
    terminal.type('exit 4\n');
    assert.equal(await terminal.exit, 4);
  });

  test('the container can not write to it, and what it has is a copy', async () => {
    const hash = async (): Promise<string> =>
      createHash('sha256')
        .update(await readFile(PROGRAM))
        .digest('hex');
    const before = await hash();
    const attack =
      'echo x > /sbin/docker-init; echo x > /proc/1/exe; mount -o remount,rw,bind /sbin/docker-init; echo x > /sbin/docker-init';
    for (const flags of [[], ['--privileged']]) {
      await daemon().docker(...init(...flags, 'busybox', 'sh', '-c', `(${attack}) 2>/dev/null; true`));
    }
    assert.equal(await hash(), before);
    assert.equal(await daemon().dockerOk(...init('--rm', 'busybox', 'echo', 'works')), 'works');
    const { stderr } = await daemon().docker(...init('busybox', 'sh', '-c', 'echo x > /sbin/docker-init'));
    assert.match(stderr, /Read-only file system/);
  });
});

daemonSuite(
  'wherryd --init',
  (daemon) => {
    test('init is what containers get that do not say', async () => {
      const first = ['busybox', 'sh', '-c', 'tr "\\0" " " < /proc/1/cmdline | cut -d" " -f1'];
      assert.equal(await daemon().wherryOk('run', '--rm', ...first), '/sbin/docker-init');
      assert.equal(await daemon().wherryOk('run', '--rm', '--init=false', ...first), 'sh');
      assert.equal(await daemon().dockerOk('run', '--rm', ...first), '/sbin/docker-init');
    });
  },
  { args: ['--init'] },
);
