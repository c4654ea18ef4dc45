import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { endProcesses, ownedProcesses } from '../lib/owned.ts';
import { eventually } from '../lib/process.ts';
import { daemonSuite } from '../lib/suite.ts';

daemonSuite('dependencies between containers', (daemon) => {
  const show = (id: string, format: string): Promise<string> =>
    daemon().dockerOk('inspect', '-f', format, id);
  const becomes = (id: string, wanted: string): Promise<true> =>
    eventually(`${id} is ${wanted}`, async () => (await show(id, '{{.State.Status}}')) === wanted);
  const create = (name: string, after: string, ...rest: string[]): Promise<string> =>
    daemon().wherryOk('create', '--name', name, ...(after === '' ? [] : ['--after', after]), ...rest);
  const sleeper = ['busybox', 'sleep', '1000'];
  const startedAt = async (name: string): Promise<number> =>
    Date.parse(await show(name, '{{.State.StartedAt}}'));

  test('a start waits: started, completed', async () => {
    await create('db', '', ...sleeper);
    await create('migrate', 'db', 'busybox', 'sh', '-c', 'sleep 0.3');
    await create('web', 'db:started,migrate:completed', ...sleeper);
    const web = daemon().docker('start', 'web');
    const migrate = daemon().docker('start', 'migrate');
    await eventually(
      'they are asked for',
      async () => (await show('web', '{{.State.Status}}')) === 'created',
    );
    await daemon().dockerOk('start', 'db');
    assert.deepEqual([(await migrate).code, (await web).code], [0, 0]);
    assert.ok((await startedAt('web')) >= Date.parse(await show('migrate', '{{.State.FinishedAt}}')));
  });

  test('healthy', async () => {
    const check = ['--health-cmd', 'test -e /ready', '--health-interval', '100ms', '--health-retries', '100'];
    await daemon().dockerOk('run', '-d', '--name', 'slow', ...check, ...sleeper);
    await create('client', 'slow:healthy', ...sleeper);
    const started = daemon().docker('start', 'client');
    assert.equal(await show('client', '{{.State.Status}}'), 'created');
    await daemon().dockerOk('exec', 'slow', 'touch', '/ready');
    assert.equal((await started).code, 0);
    assert.equal(await show('slow', '{{.State.Health.Status}}'), 'healthy');
  });

  test('what does not come is named, with the reason; so is a cycle', async () => {
    await create('never', '', ...sleeper);
    await daemon().dockerOk('run', '-d', '--name', 'fails', 'busybox', 'sh', '-c', 'exit 3');
    await daemon().dockerOk('wait', 'fails');
    const cases: [name: string, after: string, said: RegExp][] = [
      ['late', 'never', /starts after "never" has started, and it is created, after 0\.2s still/],
      ['gone', 'nobody:healthy', /it starts after "nobody", and there is no such container/],
      ['failed', 'fails:completed', /"fails" has completed, and it ended with exit code 3/],
      ['unchecked', 'never:healthy', /"never" is healthy, and it has no healthcheck/],
      ['one', 'two', /it starts after itself: one -> two -> one/],
    ];
    await create('two', 'one', ...sleeper);
    for (const [name, after, said] of cases) {
      await create(name, after, '--after-timeout', '200ms', ...sleeper);
      const { code, stderr } = await daemon().docker('start', name);
      assert.equal(code, 1);
      assert.match(stderr, new RegExp(`Cannot start container "${name}": `));
      assert.match(stderr, said);
    }
    const removed = await daemon().wherry('run', '--rm', '--name', 'short', '--after', 'nobody', 'busybox');
    assert.notEqual(removed.code, 0);
    await eventually('it is removed', async () => (await daemon().docker('inspect', 'short')).code === 1);
    const { stderr } = await daemon().wherry('create', '--after', 'db:soon', 'busybox');
    assert.match(stderr, /invalid dependency "db:soon"/);
  });

  test('the host restarts: the order is kept, and compose has its own', async () => {
    const always = ['--restart', 'always'];
    const compose = (service: string, dependsOn: string): string[] => [
      ...['--label', 'com.docker.compose.project=p', '--label', `com.docker.compose.service=${service}`],
      ...['--label', `com.docker.compose.depends_on=${dependsOn}`],
    ];
    const check = [
      '--health-cmd',
      'test -e /tmp/ready',
      '--health-interval',
      '100ms',
      '--health-retries',
      '100',
    ];
    const ready = ['busybox', 'sh', '-c', 'sleep 0.3; touch /tmp/ready; exec sleep 1000'];
    await daemon().dockerOk('create', '--name', 'base', '--tmpfs', '/tmp', ...always, ...check, ...ready);
    await create('middle', 'base:healthy', ...always, ...sleeper);
    await create('top', 'middle', ...always, ...sleeper);
    await daemon().dockerOk(
      'create',
      '--name',
      'p-web',
      ...always,
      ...compose('web', 'db:service_started:false'),
      ...sleeper,
    );
    await daemon().dockerOk('create', '--name', 'p-db', ...always, ...compose('db', ''), ...sleeper);
    const all = ['base', 'middle', 'top', 'p-db', 'p-web'];
    await daemon().dockerOk('start', ...all);
    await daemon().kill9();
    await endProcesses((await ownedProcesses(daemon())).filter(({ pid }) => pid !== daemon().netnsPid));
    await writeFile(join(daemon().dataRoot, 'boot-id'), 'of another boot\n');
    await daemon().restart();
    for (const name of all) await becomes(name, 'running');
    const times = await Promise.all(all.map(startedAt));
    const [base = 0, middle = 0, top = 0, db = 0, web = 0] = times;
    assert.ok(base < middle && middle < top && db < web, times.join(' '));
    assert.equal(await show('base', '{{.State.Health.Status}}'), 'healthy');
  });
});

daemonSuite(
  'wherryd --shutdown-containers',
  (daemon) => {
    test('SIGTERM stops who depends before what is depended on; the next daemon starts them by their policies', async () => {
      const command = ['busybox', 'sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.05; done'];
      const run = (name: string, ...flags: string[]) =>
        daemon().wherryOk('run', '-d', '--name', name, '--restart', 'unless-stopped', ...flags, ...command);
      await run('db');
      await run('web', '--after', 'db');
      await run('proxy', '--after', 'web:started');
      await daemon().dockerOk('run', '-d', '--name', 'plain', ...command);
      assert.equal(await daemon().stop(), 0);
      const since = '0';
      await daemon().restart();
      for (const name of ['db', 'web', 'proxy'])
        await eventually(
          `${name} runs`,
          async () => (await daemon().dockerOk('inspect', '-f', '{{.State.Status}}', name)) === 'running',
        );
      assert.equal(await daemon().dockerOk('inspect', '-f', '{{.State.Status}}', 'plain'), 'exited');
      const format = [
        '--format',
        '{{.Action}} {{.Actor.Attributes.name}}',
        '--filter',
        'event=die',
        '--filter',
        'event=start',
      ];
      const until = String(Math.ceil(Date.now() / 1000));
      const events = (await daemon().dockerOk('events', '--since', since, '--until', until, ...format)).split(
        '\n',
      );
      const named = events.filter((event) => !event.endsWith(' plain'));
      assert.deepEqual(named, [
        ...['start db', 'start web', 'start proxy', 'die proxy', 'die web', 'die db'],
        ...['start db', 'start web', 'start proxy'],
      ]);
    });
  },
  { args: ['--shutdown-containers'] },
);
