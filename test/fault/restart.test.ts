import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ended, eventually } from '../lib/process.ts';
import { daemonSuite } from '../lib/suite.ts';

/** The daemon is killed in the middle of things; its containers don't notice, and its successor misses nothing. */
daemonSuite('kill -9 of the daemon', (daemon) => {
  const state = (id: string): Promise<string> =>
    daemon().dockerOk('inspect', '-f', '{{.State.Status}} {{.State.ExitCode}}', id);
  const killed = async (): Promise<void> => {
    await daemon().kill9();
    await daemon().restart();
  };

  test('what ran goes on, under the same pid', async () => {
    const id = await daemon().dockerOk('run', '-d', '--name', 'on', 'busybox', 'sleep', '1000');
    const pid = (): Promise<string> => daemon().dockerOk('inspect', '-f', '{{.State.Pid}}', id);
    const before = await pid();
    await killed();
    assert.equal(await pid(), before);
    assert.equal(await state('on'), 'running 0');
    assert.equal(await daemon().dockerOk('exec', 'on', 'echo', 'reachable'), 'reachable');
    await daemon().dockerOk('stop', '-t', '0', id);
    assert.equal(await state(id), 'exited 137');
  });

  test('what ended meanwhile is known with its code, and its output is in the log', async () => {
    const script = 'echo before; sleep 0.6; echo meanwhile; exit 23';
    const id = await daemon().dockerOk('run', '-d', 'busybox', 'sh', '-c', script);
    await daemon().kill9();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await daemon().restart();
    assert.equal(await state(id), 'exited 23');
    assert.equal(await daemon().dockerOk('logs', id), 'before\nmeanwhile');
    assert.equal(await daemon().dockerOk('wait', id), '23');
  });

  test('--rm of one that ended meanwhile is made good', async () => {
    const id = await daemon().dockerOk('run', '-d', '--rm', 'busybox', 'sh', '-c', 'sleep 0.4');
    await daemon().kill9();
    await new Promise((resolve) => setTimeout(resolve, 700));
    await daemon().restart();
    await eventually('it is removed', async () => (await daemon().docker('inspect', id)).code === 1);
  });

  test('output of a time without a daemon is all there, and follow goes on', async () => {
    const script = 'i=0; while [ $i -lt 100 ]; do i=$((i+1)); echo $i; sleep 0.02; done';
    const id = await daemon().dockerOk('run', '-d', 'busybox', 'sh', '-c', script);
    for (let round = 0; round < 3; round++) await killed();
    const lines = (await daemon().dockerOk('logs', '-f', id)).split('\n').map(Number);
    assert.deepEqual(
      lines,
      Array.from({ length: 100 }, (_, index) => index + 1),
    );
  });

  test('attach works again, with a terminal and without', async () => {
    const shell = await daemon().dockerOk('run', '-dit', 'busybox', 'sh');
    const cat = await daemon().dockerOk('run', '-di', 'busybox', 'cat');
    await killed();
    await using terminal = daemon().terminal('docker', 'attach', shell);
    terminal.type('echo back-$((1+1))\n');
    await terminal.shows('back-2');
    terminal.resize(33, 99);
    await eventually('the size arrived', async () => {
      terminal.type('stty size\n');
      return terminal.shows('33 99', 300).then(
        () => true,
        () => false,
      );
    });
    terminal.type('exit 4\n');
    assert.equal(await terminal.exit, 4);
    const child = daemon().spawn('docker', 'attach', cat);
    let out = '';
    child.stdout?.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stdin?.write('echoed\n');
    await eventually('it came back', () => out === 'echoed\n');
    child.kill('SIGKILL');
    await ended(child);
  });

  test('an attached session outlives the daemon', async () => {
    await using terminal = daemon().terminal('docker', 'run', '-it', '--name', 'through', 'busybox', 'sh');
    await terminal.shows(/[$#] /);
    // The shell may be there before the client has the answer to its start; then it tells the terminal's size.
    const told = [
      'events',
      '--since',
      '1h',
      '--until',
      '0s',
      '--filter',
      'event=resize',
      '--filter',
      'container=through',
    ];
    await eventually('the client has gone on', async () => (await daemon().dockerOk(...told)) !== '');
    await daemon().kill9();
    terminal.type('echo without-$((40+2))\n');
    await terminal.shows('without-42');
    await daemon().restart();
    terminal.type('echo with-$((40+3))\n');
    await terminal.shows('with-43');
  });

  test('created, exited and removed ones stay what they were; names stay taken', async () => {
    const created = await daemon().dockerOk('create', '--name', 'made', 'busybox', 'true');
    const exited = await daemon().dockerOk('run', '-d', '--name', 'over', 'busybox', 'sh', '-c', 'exit 9');
    await daemon().dockerOk('wait', exited);
    await daemon().dockerOk('run', '--rm', '--name', 'gone', 'busybox', 'true');
    await killed();
    assert.equal(await state(created), 'created 0');
    assert.equal(await state(exited), 'exited 9');
    assert.equal((await daemon().docker('inspect', 'gone')).code, 1);
    assert.equal((await daemon().docker('create', '--name', 'made', 'busybox')).code, 1);
    await daemon().dockerOk('start', 'made');
    assert.equal(await daemon().dockerOk('wait', 'made'), '0');
  });

  test('addresses of running containers stay taken', async () => {
    const address = (id: string): Promise<string> =>
      daemon().dockerOk('inspect', '-f', '{{.NetworkSettings.Networks.bridge.IPAddress}}', id);
    const first = await daemon().dockerOk('run', '-d', 'busybox', 'sleep', '1000');
    const taken = await address(first);
    await killed();
    const second = await daemon().dockerOk('run', '-d', 'busybox', 'sleep', '1000');
    assert.notEqual(await address(second), taken);
    await daemon().dockerOk('exec', second, 'ping', '-c', '1', '-W', '2', taken);
  });

  test('a clean stop leaves containers running too', async () => {
    const id = await daemon().dockerOk('run', '-d', 'busybox', 'sleep', '1000');
    assert.equal(await daemon().stop(), 0);
    await daemon().restart();
    assert.equal(await state(id), 'running 0');
  });

  test('an exec in flight ends with its client told, and the next works', async () => {
    const id = await daemon().dockerOk('run', '-d', 'busybox', 'sleep', '1000');
    const child = daemon().spawn('docker', 'exec', id, 'sleep', '0.5');
    await eventually('the exec runs', async () =>
      (await daemon().dockerOk('exec', id, 'ps')).includes('sleep 0.5'),
    );
    await killed();
    await ended(child);
    assert.equal(await daemon().dockerOk('exec', id, 'echo', 'next'), 'next');
  });
});
