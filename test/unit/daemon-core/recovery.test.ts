import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { kill } from 'node:process';
import { text } from 'node:stream/consumers';
import { clientPair, engineStories, type TestEngine } from '../../lib/engine.ts';
import type { ContainerState } from '../../../daemon/core/contract.ts';
import { eventually } from '../../lib/process.ts';
import { openDatabase } from '../../../common/sqlite.ts';

const stateOf = (place: TestEngine, id: string): ContainerState => place.engine.containers.get(id).state;
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Changes rows as a daemon that died at the wrong moment left them. */
const rows = (place: TestEngine, sql: string, ...values: string[]): void => {
  using db = openDatabase(`${place.directory}/d/meta.db`);
  db.prepare(sql).run(...values);
};

await engineStories(import.meta.url, {
  'running, exited meanwhile, created: all are what they are': async (place) => {
    const { ctx } = place;
    const start = async (...cmd: string[]): Promise<string> => {
      const id = await place.create(cmd, {}, { networkMode: 'bridge' });
      await place.engine.containers.start(ctx, id);
      return id;
    };
    const running = await start('sh', '-c', 'echo one; sleep 0.3; echo two; sleep 1000');
    const ended = await start('sh', '-c', 'sleep 0.1; echo late; exit 21');
    const created = await place.create(['true']);
    const sandbox = (): string => JSON.stringify(place.engine.containers.get(running).sandbox);
    const before = [stateOf(place, running), sandbox()];
    await place.reopen();
    await sleep(400);
    await place.reopen();
    assert.deepEqual([stateOf(place, running), sandbox()], before);
    const state = stateOf(place, ended);
    assert.equal(state.kind === 'exited' && state.exitCode, 21);
    assert.equal(await place.output(ended), 'late\n');
    assert.equal(stateOf(place, created).kind, 'created');
    assert.equal(await place.output(running), 'one\ntwo\n');
    await place.engine.containers.stop(ctx, running, { signal: 'KILL', timeoutS: undefined });
    assert.equal(stateOf(place, running).kind, 'exited');
    await place.engine.containers.start(ctx, created);
  },

  'attach before the start, detach by keys, attach again after a restart': async (place) => {
    const { ctx } = place;
    const id = await place.create(['sh'], { tty: true, openStdin: true });
    const attach = async (logs: boolean) => {
      const pair = await clientPair(place.directory);
      await place.engine.containers.attach(ctx, id, {
        ...{ stdin: true, stdout: true, stderr: true, stream: true, logs, detachKeys: 'ctrl-a,x' },
        socket: pair.served,
        head: new Uint8Array(),
      });
      return pair.client;
    };
    const first = await attach(false);
    await place.engine.containers.start(ctx, id);
    first.write('echo $((40+2))\n');
    let got = '';
    first.on('data', (chunk: Buffer) => (got += chunk.toString()));
    await eventually('the shell answered', () => Promise.resolve(got.includes('42\r\n')));
    first.write('\x01x');
    await new Promise((resolve) => first.once('end', resolve));
    await eventually('the event came', () =>
      Promise.resolve(place.events.some(({ action }) => action === 'detach')),
    );
    await place.reopen();
    const second = await attach(true);
    second.write('exit 6\n');
    assert.match(await text(second), /42\r\n/);
    assert.equal((await place.engine.containers.wait(ctx, id, 'not-running')).exitCode, 6);
  },

  'a shim that is killed takes its container along': async (place) => {
    const { ctx, engine } = place;
    const id = await place.create(['sleep', '1000']);
    await engine.containers.start(ctx, id);
    const state = stateOf(place, id);
    assert.ok(state.kind === 'running');
    const status = await import('node:fs/promises').then((fs) =>
      fs.readFile(`/proc/${state.pid}/status`, 'utf8'),
    );
    const shim = Number(/^PPid:\t(\d+)$/m.exec(status)?.[1]);
    const exited = engine.containers.wait(ctx, id, 'not-running');
    kill(shim, 'SIGKILL');
    assert.equal((await exited).exitCode, 137);
    await eventually('its process is gone', () => Promise.resolve(isGone(state.pid)));
    await engine.containers.remove(ctx, id, { force: false, volumes: false });
    assert.deepEqual(await place.leftovers(), []);
    assert.equal(place.errors.length, 1);
  },

  'a shim that was killed while nobody looked: exit code 255': async (place) => {
    const { ctx } = place;
    const id = await place.create(['sleep', '1000']);
    await place.engine.containers.start(ctx, id);
    const state = stateOf(place, id);
    assert.ok(state.kind === 'running');
    await place.reopen();
    // As after a reboot: neither process, nor shim, nor record.
    const status = await import('node:fs/promises').then((fs) =>
      fs.readFile(`/proc/${state.pid}/status`, 'utf8'),
    );
    const shim = Number(/^PPid:\t(\d+)$/m.exec(status)?.[1]);
    await place.engine.close();
    kill(shim, 'SIGKILL');
    await place.reopen();
    const after = stateOf(place, id);
    assert.equal(after.kind === 'exited' && after.exitCode, 255);
    await eventually('its process is gone', () => Promise.resolve(isGone(state.pid)));
    await place.engine.containers.start(ctx, id);
  },

  'what was interrupted is finished or undone': async (place) => {
    const { ctx } = place;
    const set = 'UPDATE containers SET state = ? WHERE id = ?';
    const removing = await place.create(['true']);
    rows(place, set, JSON.stringify({ kind: 'removing', exitCode: 0 }), removing);
    const dead = await place.create(['true']);
    rows(place, set, JSON.stringify({ kind: 'dead', exitCode: 0, error: 'x' }), dead);
    const starting = await place.create(['true']);
    rows(place, set, JSON.stringify({ kind: 'starting' }), starting);
    const { id: again } = await place.run(['sh', '-c', 'exit 3']);
    const before = stateOf(place, again);
    rows(place, set, JSON.stringify({ kind: 'starting', before }), again);
    const halfMade = await place.create(['true']);
    await rm(`${place.directory}/d/containers/${halfMade}`, { recursive: true });
    const ownerless = await place.create(['true']);
    rows(place, 'DELETE FROM containers WHERE id = ?', ownerless);
    await place.reopen();
    const left = [starting, again].toSorted();
    await eventually('the rest is removed', async () => {
      const ids = place.engine.containers.list().map(({ id }) => id);
      return ids.toSorted().join() === left.join() && (await place.leftovers()).length === 4;
    });
    const error = 'the daemon ended while the container was starting';
    assert.deepEqual(stateOf(place, starting), { kind: 'created', error, exitCode: 128 });
    assert.deepEqual(stateOf(place, again), { ...before, error, exitCode: 128 });
    for (const id of left) {
      const exited = place.engine.containers.wait(ctx, id, 'next-exit');
      await place.engine.containers.start(ctx, id);
      assert.equal((await exited).exitCode, id === again ? 3 : 0);
    }
  },

  '64 at once, each removed by itself': async (place) => {
    const { engine, ctx } = place;
    await Promise.all(
      Array.from({ length: 64 }, async (_, n) => {
        const id = await place.create(
          ['sh', '-c', `exit ${n}`],
          {},
          { autoRemove: true, networkMode: 'bridge' },
        );
        const removed = engine.containers.wait(ctx, id, 'removed');
        await engine.containers.start(ctx, id);
        assert.equal((await removed).exitCode, n);
      }),
    );
    await eventually('nothing is left', async () => (await place.leftovers()).length === 0);
    assert.deepEqual(place.errors, []);
  },
});

function isGone(pid: number): boolean {
  try {
    kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}
