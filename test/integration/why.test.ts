import assert from 'node:assert/strict';
import { kill } from 'node:process';
import { test } from 'node:test';
import { eventually } from '../lib/process.ts';
import { daemonSuite } from '../lib/suite.ts';

daemonSuite('wherry why', (daemon) => {
  const why = (name: string): Promise<string> => daemon().wherryOk('why', name);
  const run = (name: string, ...args: string[]): Promise<string> =>
    daemon().wherryOk('run', '-d', '--name', name, ...args);
  const sees = (name: string, ...patterns: RegExp[]): Promise<unknown> =>
    eventually(`why ${name} says ${patterns.join(' ')}`, async () => {
      const text = await why(name);
      return patterns.every((pattern) => pattern.test(text)) ? text : undefined;
    });

  test('tells what an exit code means', async () => {
    const table: readonly (readonly [command: string, ...patterns: RegExp[]])[] = [
      ['exit 0', /^box0 is exited \(ended /, /Exit code: +0: its program ended by itself and was successful/],
      ['exit 3', /Exit code: +3: its program chose this code/, /Stopped by: +nobody/],
      ['no-such-command', /Exit code: +127: .* did not find a command/],
    ];
    for (const [index, [command, ...patterns]] of table.entries()) {
      await run(`box${index}`, 'busybox', 'sh', '-c', command);
      await sees(`box${index}`, ...patterns, /Restart: +never \(policy no\)/, /Journal: +.* create/);
    }
  });

  test('tells of a command that is not there', async () => {
    const { code } = await daemon().wherry('run', '-d', '--name', 'none', 'busybox', 'no-such-program');
    assert.equal(code, 127);
    assert.match(
      await why('none'),
      /Exit code: +127: "no-such-program" is not there in the container\n +Error: /,
    );
  });

  test('tells whose signal ended it', async () => {
    await run('killed', 'busybox', 'sleep', '300');
    await daemon().dockerOk('kill', '-s', 'KILL', 'killed');
    await sees(
      'killed',
      /137: SIGKILL \(128 \+ 9\), a client sent it/,
      /Stopped by: +a client's kill: SIGKILL/,
    );

    await run('slow', 'busybox', 'sh', '-c', 'trap "" TERM; while :; do sleep 1; done');
    await eventually('it is ready', async () => (await daemon().docker('top', 'slow')).code === 0);
    await daemon().dockerOk('stop', '-t', '1', 'slow');
    await sees('slow', /137: SIGKILL .* a client stopped it: SIGTERM first, and it still ran \d+ s later/);
    await sees('slow', /Stopped by: +a client's stop: SIGTERM, then SIGKILL/);

    const id = await run('outside', 'busybox', 'sleep', '300');
    kill(Number(await daemon().dockerOk('inspect', '-f', '{{.State.Pid}}', id)), 'SIGKILL');
    await sees('outside', /137: SIGKILL .*sent by nobody through Wherry/);
  });

  test('tells of the kernel when memory ran out', async () => {
    await run('full', '-m', '20m', 'busybox', 'sh', '-c', 'head -c 200m /dev/zero | tail');
    await sees(
      'full',
      /Exit code: +137: the kernel killed it for want of memory \(OOM\): its limit of 20MiB/,
    );
  });

  test('tells of attempts and of health', async () => {
    await run('again', '--restart', 'on-failure:1', 'busybox', 'false');
    await sees(
      'again',
      /policy on-failure at most 1 times, restarted 1 times so far; not again: it has had all/,
    );
    await run('waits', '--restart', 'always', '--restart-backoff', 'min=100s,max=200s', 'busybox', 'false');
    await sees('waits', /^waits is restarting/, /policy always.*; next attempt in /);
    await run(
      'ill',
      '--health-cmd',
      'echo so sick; false',
      '--health-interval',
      '100ms',
      'busybox',
      'sleep',
      '300',
    );
    await sees('ill', /Health: +unhealthy, \d+ failures in a row\n/, /probe ended with 1: so sick/);
    await daemon().dockerOk('rm', '-f', 'waits', 'again', 'ill');
  });

  test('tells what is in progress', async () => {
    await run('deaf', 'busybox', 'sh', '-c', 'trap "" TERM; while :; do sleep 1; done');
    await daemon().dockerOk('kill', '-s', 'TERM', 'deaf');
    await sees(
      'deaf',
      /^deaf is running \(started /,
      /In progress: SIGTERM was sent \d+ s ago, and it still runs/,
    );
  });

  test('gives the facts as JSON, and goes on behind one that is not there', async () => {
    await daemon().wherryOk('create', '--name', 'made', 'busybox');
    const { code, stdout, stderr } = await daemon().wherry('why', '--format', 'json', 'nobody', 'made');
    assert.equal(code, 1);
    assert.match(stderr, /No such container: nobody/);
    const facts = JSON.parse(stdout) as { container: { Name: string }; journal: { action: string }[] };
    assert.equal(facts.container.Name, '/made');
    assert.deepEqual(
      facts.journal.map(({ action }) => action),
      ['create'],
    );
  });
});
