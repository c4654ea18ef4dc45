import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { clientPair, engineStories, type TestEngine } from '../../lib/engine.ts';
import type { Exec, ExecCreateRequest } from '../../../daemon/core/contract.ts';
import { EXEC } from '../../lib/exec-request.ts';
import { eventually } from '../../lib/process.ts';

async function running(place: TestEngine, request = {}): Promise<string> {
  const id = await place.create(['sleep', '1000'], request);
  await place.engine.containers.start(place.ctx, id);
  return id;
}

/** Runs an exec to its end with a client; what the client got, frames included. */
async function attached(
  place: TestEngine,
  request: ExecCreateRequest,
  input = '',
): Promise<{ id: string; got: string }> {
  const { engine, ctx } = place;
  const id = await engine.execs.create(ctx, request);
  const { served, client } = await clientPair(place.directory);
  const got = text(client);
  await engine.execs.start(ctx, id, {
    consoleSize: undefined,
    client: { socket: served, head: Buffer.from(input), framed: !request.tty },
  });
  client.end();
  return { id, got: await got };
}

/** What came on each stream. Where a frame ends is the kernel's affair: two writes may arrive as one read. */
function byStream(got: string): Record<number, string> {
  const bytes = Buffer.from(got, 'latin1');
  const streams: Record<number, string> = {};
  for (let at = 0; at < bytes.length;) {
    const stream = bytes.readUInt32LE(at);
    const end = at + 8 + bytes.readUInt32BE(at + 4);
    assert.ok(end <= bytes.length, 'the last frame is whole');
    streams[stream] = (streams[stream] ?? '') + bytes.toString('latin1', at + 8, end);
    at = end;
  }
  return streams;
}

const ended = (place: TestEngine, id: string): Promise<Exec['state']> =>
  eventually('the exec ended', () => {
    const { state } = place.engine.execs.get(id);
    return Promise.resolve(state.kind === 'exited' && state);
  });

await engineStories(import.meta.url, {
  'an exec: streams, environment, code, events, and nothing left': async (place) => {
    const container = await running(place, { env: ['A=1', 'B=2'] });
    const script = 'cat; echo $A $B $HOME; echo err >&2; exit 9';
    const cmd = ['sh', '-c', script];
    const { id, got } = await attached(
      place,
      { ...EXEC, container, cmd, env: ['B=3'], attachStdin: true },
      'typed\n',
    );
    assert.deepEqual(byStream(got), { 1: 'typed\n1 3 /root\n', 2: 'err\n' });
    const state = await ended(place, id);
    assert.equal(state.kind === 'exited' && state.exitCode, 9);
    assert.deepEqual(place.engine.containers.get(container).execIds, []);
    await assert.rejects(
      place.engine.execs.start(place.ctx, id, { consoleSize: undefined, client: undefined }),
      {
        code: 'conflict',
        message: `exec command ${id} has already run`,
      },
    );
    const actions = place.events.filter(({ action }) => action.startsWith('exec'));
    assert.deepEqual(
      actions.map(({ action }) => action),
      [`exec_create: sh -c ${script}`, `exec_start: sh -c ${script}`, 'exec_die'],
    );
    assert.equal(actions[2]?.attributes['exitCode'], '9');
    await eventually('its files are gone', async () => !(await place.leftovers()).join().includes(id));
  },

  'programs that cannot be run: code, text, and the client still there to be told': async (place) => {
    const { engine, ctx } = place;
    const container = await running(place);
    const before = 'OCI runtime exec failed: exec failed: unable to start container process: ';
    for (const [cmd, code, message] of [
      [['nosuch'], 127, 'exec: "nosuch": executable file not found in $PATH: unknown'],
      [['/etc/passwd'], 126, 'exec: "/etc/passwd": permission denied: unknown'],
    ] as const) {
      const id = await engine.execs.create(ctx, { ...EXEC, container, cmd });
      const { served, client } = await clientPair(place.directory);
      const got = text(client);
      const connection = { socket: served, head: new Uint8Array(), framed: true };
      const options = { consoleSize: undefined, client: connection };
      await assert.rejects(engine.execs.start(ctx, id, options), { message: before + message });
      served.end('told');
      assert.equal(await got, 'told');
      const { state } = engine.execs.get(id);
      assert.equal(state.kind === 'exited' && state.exitCode, code);
    }
  },

  'users, privileges, directory, terminal': async (place) => {
    const container = await running(place, { workingDir: '/tmp' });
    const plain = ['sh', '-c', 'id -u; pwd; grep CapEff /proc/self/status'];
    const asNobody = await attached(place, { ...EXEC, container, cmd: plain, user: 'nobody', tty: true });
    assert.equal(asNobody.got, '65534\r\n/tmp\r\nCapEff:\t0000000000000000\r\n');
    const own = /^CapEff:\t(\w+)$/m.exec(await readFile('/proc/self/status', 'utf8'))?.[1];
    const all = await attached(place, {
      ...EXEC,
      container,
      cmd: plain,
      privileged: true,
      workingDir: '/',
      tty: true,
    });
    assert.equal(all.got, `0\r\n/\r\nCapEff:\t${own}\r\n`);
    await assert.rejects(attached(place, { ...EXEC, container, cmd: plain, user: 'stranger' }), {
      code: 'invalid-argument',
      message: 'unable to find user stranger: no matching entries in passwd file',
    });
    const size = {
      ...EXEC,
      container,
      cmd: ['stty', 'size'],
      tty: true,
      consoleSize: { rows: 11, columns: 44 },
    };
    assert.equal((await attached(place, size)).got, '11 44\r\n');
  },

  refusals: async (place) => {
    const { engine, ctx } = place;
    const id = await place.create(['true']);
    await assert.rejects(engine.execs.create(ctx, { ...EXEC, container: id, cmd: ['true'] }), {
      code: 'conflict',
      message: `container ${id} is not running`,
    });
    assert.throws(() => engine.execs.get('x'), { code: 'not-found', message: 'No such exec instance: x' });
  },

  'execs outlive the engine, and end with their container': async (place) => {
    const container = await running(place);
    const start = async (...cmd: string[]): Promise<string> => {
      const id = await place.engine.execs.create(place.ctx, { ...EXEC, container, cmd });
      await place.engine.execs.start(place.ctx, id, { consoleSize: undefined, client: undefined });
      return id;
    };
    const long = await start('sleep', '1000');
    const short = await start('sh', '-c', 'sleep 0.2; exit 4');
    const unstarted = await place.engine.execs.create(place.ctx, { ...EXEC, container, cmd: ['true'] });
    await place.reopen();
    assert.equal(place.engine.execs.get(long).state.kind, 'running');
    assert.equal(place.engine.execs.get(unstarted).state.kind, 'created');
    const state = await ended(place, short);
    assert.equal(state.kind === 'exited' && state.exitCode, 4);
    assert.deepEqual(place.engine.containers.get(container).execIds, [long, unstarted]);
    await place.engine.containers.kill(place.ctx, container, 'KILL');
    const killed = await ended(place, long);
    assert.equal(killed.kind === 'exited' && killed.exitCode, 137);
    await eventually('the container has ended', () =>
      Promise.resolve(place.engine.containers.get(container).execIds.length === 0),
    );
    assert.throws(() => place.engine.execs.get(unstarted), { code: 'not-found' });
    await place.engine.containers.remove(place.ctx, container, { force: false, volumes: false });
    await eventually('nothing is left', async () => (await place.leftovers()).length === 0);
  },

  '300 execs leave nothing': async (place) => {
    const container = await running(place);
    const before = process.getActiveResourcesInfo().length;
    for (let round = 0; round < 10; round += 1) {
      await Promise.all(
        Array.from({ length: 30 }, () => attached(place, { ...EXEC, container, cmd: ['echo', 'x'] })),
      );
    }
    await eventually('descriptors are back', () =>
      Promise.resolve(process.getActiveResourcesInfo().length <= before + 2),
    );
    assert.deepEqual(
      (await place.leftovers()).filter((path) => path.includes('/shims/')),
      [`${place.directory}/r/shims/${container}`],
    );
  },
});
