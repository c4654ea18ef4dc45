import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { engineStories } from '../../lib/engine.ts';
import { eventually } from '../../lib/process.ts';

const SLEEP = ['sleep', '1000'];

await engineStories(import.meta.url, {
  'a container is created, started, waited for, read and removed': async (place) => {
    const { engine, ctx } = place;
    const { id, exitCode, output } = await place.run(['sh', '-c', 'echo out; echo err >&2; exit 7']);
    assert.equal(exitCode, 7);
    assert.equal(output, 'out\nerr\n');
    const { state, name } = engine.containers.get(id);
    assert.equal(state.kind, 'exited');
    assert.match(name, /^[a-z]+_[a-z]+$/);
    await engine.containers.remove(ctx, id, { force: false, volumes: false });
    assert.throws(() => engine.containers.get(id), {
      code: 'not-found',
      message: `No such container: ${id}`,
    });
    assert.deepEqual(await place.leftovers(), []);
  },

  'on the bridge it has an address, its name and its files': async (place) => {
    const { engine, ctx } = place;
    const script = 'hostname; cat /etc/hostname; tail -n 1 /etc/hosts; ip -o -4 addr show eth0; sleep 1000';
    const id = await place.create(['sh', '-c', script], { hostname: 'boat' }, { networkMode: 'bridge' });
    await engine.containers.start(ctx, id);
    const { sandbox, sandboxKey, state } = engine.containers.get(id);
    const [endpoint] = sandbox?.endpoints ?? [];
    assert.ok(endpoint !== undefined && state.kind === 'running');
    const output = await eventually('it said all', async () => {
      const text = await place.output(id);
      return text.includes('eth0') && text;
    });
    const { ipAddress, prefixLength } = endpoint;
    assert.match(output, new RegExp(`^boat\nboat\n${ipAddress}\tboat\n.*${ipAddress}/${prefixLength} `));
    assert.equal(sandboxKey, `${place.directory}/r/netns/${id}`);
    await engine.containers.kill(ctx, id, 'KILL');
    assert.equal(engine.containers.get(id).sandbox, undefined);
    assert.deepEqual(
      place.events
        .filter(({ type }) => type === 'network')
        .map(({ action, attributes }) => [action, attributes]),
      ['connect', 'disconnect'].map((action) => [action, { container: id, name: 'bridge', type: 'bridge' }]),
    );
  },

  'a program that cannot be run: exit codes and texts as docker has them': async (place) => {
    const { engine, ctx } = place;
    const before =
      'failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: ' +
      'unable to start container process: error during container init: ';
    const table: [string[], number, string][] = [
      [['nosuch'], 127, 'exec: "nosuch": executable file not found in $PATH: unknown'],
      [['/no/such'], 127, 'exec: "/no/such": stat /no/such: no such file or directory: unknown'],
      [['/etc/passwd'], 126, 'exec: "/etc/passwd": permission denied: unknown'],
      [['/etc'], 126, 'exec: "/etc": is a directory: unknown: permission denied'],
    ];
    for (const [cmd, code, text] of table) {
      const id = await place.create(cmd, {}, { networkMode: 'bridge' });
      await assert.rejects(engine.containers.start(ctx, id), {
        code: 'invalid-argument',
        message: before + text,
      });
      assert.deepEqual(engine.containers.get(id).state, {
        kind: 'created',
        exitCode: code,
        error: before + text,
      });
      await engine.containers.remove(ctx, id, { force: false, volumes: false });
      assert.deepEqual(await place.leftovers(), []);
    }
    const id = await place.create(['nosuch'], {}, { autoRemove: true });
    await assert.rejects(engine.containers.start(ctx, id));
    assert.deepEqual(engine.containers.list(), []);
    assert.deepEqual(place.errors, []);
  },

  'a second run after a failed one, and after a good one': async (place) => {
    const { engine, ctx } = place;
    const { id } = await place.run(['sh', '-c', 'echo run >> /count; wc -l < /count; test -e /ready']);
    assert.equal(engine.containers.get(id).state.kind, 'exited');
    const exited = engine.containers.wait(ctx, id, 'next-exit');
    await engine.containers.start(ctx, id);
    assert.equal((await exited).exitCode, 1);
    assert.equal(await place.output(id), '1\n2\n');
  },

  'stop, kill and their refusals': async (place) => {
    const { engine, ctx } = place;
    const { containers } = engine;
    const trapping = await place.create([
      'sh',
      '-c',
      'trap "exit 3" USR1; echo up; while :; do sleep 0.05; done',
    ]);
    const options = { signal: undefined, timeoutS: undefined };
    await assert.rejects(containers.stop(ctx, trapping, options), { code: 'not-modified' });
    await assert.rejects(containers.kill(ctx, trapping, 'KILL'), {
      code: 'conflict',
      message: `container ${trapping} is not running`,
    });
    await containers.start(ctx, trapping);
    await assert.rejects(containers.start(ctx, trapping), { code: 'not-modified' });
    await eventually('it is up', async () => (await place.output(trapping)) === 'up\n');
    for (const [signal, message] of [
      ['NOSUCH', 'invalid signal: NOSUCH'],
      ['0', 'invalid signal: 0'],
      ['SIGRTMIN+40', 'invalid signal: SIGRTMIN+40'],
    ] as const) {
      await assert.rejects(containers.kill(ctx, trapping, signal), { code: 'invalid-argument', message });
    }
    await containers.stop(ctx, trapping, { signal: 'usr1', timeoutS: 5 });
    assert.equal((await containers.wait(ctx, trapping, 'not-running')).exitCode, 3);
    const deaf = await place.create(['sh', '-c', 'trap "" TERM; while :; do sleep 0.05; done']);
    await containers.start(ctx, deaf);
    await containers.stop(ctx, deaf, { signal: undefined, timeoutS: 0 });
    assert.equal((await containers.wait(ctx, deaf, 'not-running')).exitCode, 137);
    const own = place.events.filter(({ actorId }) => actorId === deaf).map(({ action }) => action);
    assert.deepEqual(own, ['create', 'start', 'kill', 'kill', 'die', 'stop']);
  },

  "remove refuses what runs, in docker's words, unless forced": async (place) => {
    const { engine, ctx } = place;
    const id = await place.create(SLEEP, { name: 'busy' });
    await engine.containers.start(ctx, id);
    await assert.rejects(engine.containers.remove(ctx, 'busy', { force: false, volumes: false }), {
      code: 'conflict',
      message:
        'cannot remove container "busy": container is running: stop the container before removing or force remove',
    });
    const removed = engine.containers.wait(ctx, id, 'removed');
    await engine.containers.remove(ctx, 'busy', { force: true, volumes: false });
    assert.deepEqual(await removed, { exitCode: 137, error: undefined });
    assert.deepEqual(await place.leftovers(), []);
  },

  'names: taken, malformed, changed': async (place) => {
    const { engine, ctx } = place;
    const id = await place.create(SLEEP, { name: 'first' });
    const taken =
      `Conflict. The container name "/first" is already in use by container "${id}". ` +
      'You have to remove (or rename) that container to be able to reuse that name.';
    await assert.rejects(place.create(SLEEP, { name: 'first' }), { code: 'conflict', message: taken });
    await assert.rejects(place.create(SLEEP, { name: 'a b' }), {
      code: 'invalid-argument',
      message: 'Invalid container name (a b), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed',
    });
    const other = await place.create(SLEEP, { name: 'other' });
    await assert.rejects(engine.containers.rename(ctx, other, 'first'), {
      code: 'conflict',
      message: `Error when allocating new name: ${taken}`,
    });
    await assert.rejects(engine.containers.rename(ctx, other, 'other'), { code: 'invalid-argument' });
    await engine.containers.rename(ctx, 'first', '/second');
    assert.equal(engine.containers.get('second').id, id);
    assert.equal(engine.containers.get(id.slice(0, 12)).name, 'second');
    await place.create(SLEEP, { name: 'first' });
    await place.reopen();
    assert.equal(place.engine.containers.get('/second').id, id);
    assert.equal(place.events.find(({ action }) => action === 'rename')?.attributes['oldName'], '/first');
  },

  'of many that want one name at once, one gets it': async (place) => {
    const made = await Promise.allSettled(
      Array.from({ length: 20 }, () => place.create(SLEEP, { name: 'wanted' })),
    );
    const refused = made.flatMap((each) => (each.status === 'rejected' ? [each.reason as Error] : []));
    assert.equal(refused.length, 19);
    for (const error of refused) assert.match(error.message, /^Conflict\. The container name "\/wanted"/);
    assert.equal(place.engine.containers.list().length, 1);
  },

  'wait: each condition, before, during and after': async (place) => {
    const { engine, ctx } = place;
    const { containers } = engine;
    const id = await place.create(['sh', '-c', 'sleep 0.1; exit 5']);
    assert.deepEqual(await containers.wait(ctx, id, 'not-running'), { exitCode: 0, error: undefined });
    const waits = (['next-exit', 'removed'] as const).map((condition) => containers.wait(ctx, id, condition));
    await containers.start(ctx, id);
    assert.equal((await containers.wait(ctx, id, 'not-running')).exitCode, 5);
    assert.equal((await waits[0])?.exitCode, 5);
    const left = new AbortController();
    const leaving = containers.wait({ ...ctx, signal: left.signal }, id, 'next-exit');
    left.abort(new Error('gone'));
    await assert.rejects(leaving, /gone/);
    await containers.remove(ctx, id, { force: false, volumes: false });
    assert.equal((await waits[1])?.exitCode, 5);
    assert.throws(() => containers.wait(ctx, id, 'removed'), { code: 'not-found' });
  },

  '--rm: gone at its end, but not by a restart': async (place) => {
    const { engine, ctx } = place;
    const id = await place.create(SLEEP, {}, { autoRemove: true });
    await engine.containers.start(ctx, id);
    await engine.containers.restart(ctx, id, { signal: 'KILL', timeoutS: 5 });
    assert.equal(engine.containers.get(id).state.kind, 'running');
    const removed = engine.containers.wait(ctx, id, 'removed');
    await engine.containers.kill(ctx, id, '9');
    assert.equal((await removed).exitCode, 137);
    assert.deepEqual(engine.containers.list(), []);
    assert.deepEqual(await place.leftovers(), []);
    const actions = place.events.map(({ action }) => action);
    assert.deepEqual(
      actions.filter((action) => !['connect', 'disconnect', 'kill'].includes(action)),
      [...['create', 'start', 'die', 'stop', 'start', 'restart', 'die', 'destroy']],
    );
  },

  'out of memory is told': async (place) => {
    const resources = { memoryBytes: 16 << 20, memorySwapBytes: 16 << 20 };
    const { exampleRequest } = await import('../../lib/examples.ts');
    const { id, exitCode } = await place.run(
      ['sh', '-c', 'x=a; while :; do x=$x$x; done'],
      {},
      {
        resources: { ...exampleRequest().host.resources, ...resources },
      },
    );
    assert.equal(exitCode, 137);
    const { state } = place.engine.containers.get(id);
    assert.ok(state.kind === 'exited' && state.oomKilled);
    const actions = place.events.filter(({ type }) => type === 'container').map(({ action }) => action);
    assert.deepEqual(actions, ['create', 'start', 'oom', 'die']);
  },

  'follow ends with the container and has everything': async (place) => {
    const { engine, ctx } = place;
    const id = await place.create(['sh', '-c', 'for i in 1 2 3 4 5; do echo $i; sleep 0.05; done; echo end']);
    await engine.containers.start(ctx, id);
    assert.equal(await place.output(id, { follow: true }), '1\n2\n3\n4\n5\nend\n');
    assert.equal(await place.output(id, { follow: true, tail: 1 }), 'end\n');
  },

  'user, directory, environment, mounts': async (place) => {
    const { exitCode, output } = await place.run(
      ['sh', '-c', 'id; pwd; echo $HOME $A $PATH; touch /bound/made; df -m /tmpfs | tail -n 1; ulimit -n'],
      { user: 'nobody', workingDir: '/made/here', env: ['A=b c', 'HOME=/elsewhere'] },
      {
        binds: [bind(`${place.directory}/new`, '/bound')],
        tmpfs: { '/tmpfs': 'size=3m' },
        ulimits: [{ name: 'nofile', soft: 100, hard: 200 }],
      },
    );
    assert.equal(exitCode, 0);
    assert.match(output, /^uid=65534\(nobody\) gid=65534\(nogroup\)/);
    assert.match(output, /\n\/made\/here\n\/elsewhere b c \/usr\/local\/sbin:/);
    assert.match(output, /touch: \/bound\/made: Permission denied/);
    assert.match(output, /tmpfs +3 /);
    assert.match(output, /\n100\n/);
    const asRoot = await place.run(
      ['sh', '-c', 'touch /ro/x'],
      {},
      { binds: [{ ...bind(place.directory, '/ro'), readOnly: true }] },
    );
    assert.equal(asRoot.output, 'touch: /ro/x: Read-only file system\n');
    const table = await readFile('/proc/self/mountinfo', 'utf8');
    assert.equal(table.includes(place.directory), false);
  },
});

function bind(source: string, destination: string) {
  return { source, destination, readOnly: false, propagation: 'rprivate', mode: '', createSource: true };
}
