import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../lib/process.ts';
import { rest } from '../lib/rest.ts';
import { daemonSuite } from '../lib/suite.ts';

interface Inspected {
  readonly Running: boolean;
  readonly ExitCode: number | null;
  readonly Pid: number;
  readonly ProcessConfig: { readonly entrypoint: string; readonly arguments: readonly string[] };
}

/** Whoever started an exec asks for its exit code later, whichever daemon is there by then. */
daemonSuite('execs outlive the daemon', (daemon) => {
  const running = (): Promise<string> => daemon().dockerOk('run', '-d', 'busybox', 'sleep', '1000');
  const killed = async (): Promise<void> => {
    await daemon().kill9();
    await daemon().restart();
  };
  const make = async (container: string, script: string): Promise<string> => {
    const body = { Cmd: ['sh', '-c', script], Env: ['A=b'] };
    const made = await rest(daemon().socket, 'POST', { path: `/containers/${container}/exec`, body });
    return made.json<{ Id: string }>().Id;
  };
  const begin = async (id: string): Promise<number> =>
    (await rest(daemon().socket, 'POST', { path: `/exec/${id}/start`, body: { Detach: true } })).status;
  const inspect = async (id: string): Promise<Inspected> => {
    const answer = await rest(daemon().socket, 'GET', { path: `/exec/${id}/json` });
    assert.equal(answer.status, 200, answer.text);
    return answer.json<Inspected>();
  };
  const execIds = async (container: string): Promise<unknown> => {
    const path = `/containers/${container}/json`;
    return (await rest(daemon().socket, 'GET', { path })).json<{ ExecIDs: unknown }>().ExecIDs;
  };
  const ends = (id: string): Promise<Inspected> =>
    eventually('it has ended', async () => {
      const shown = await inspect(id);
      return !shown.Running && shown;
    });

  test('one that goes on while daemons come and go: running, then its code', async () => {
    const container = await running();
    const script = 'until [ -e /go ]; do sleep 0.1; done; exit 41';
    const id = await make(container, script);
    assert.equal(await begin(id), 200);
    const before = await inspect(id);
    await killed();
    assert.deepEqual(await inspect(id), before);
    assert.equal(before.Running, true);
    assert.deepEqual(before.ProcessConfig.arguments, ['-c', script]);
    assert.deepEqual(await execIds(container), [id]);
    await daemon().dockerOk('exec', container, 'touch', '/go');
    assert.deepEqual(await ends(id), { ...before, Running: false, ExitCode: 41, CanRemove: true });
    assert.equal(await execIds(container), null);
  });

  test('one that ends without a daemon', async () => {
    const container = await running();
    const id = await make(container, 'while :; do sleep 0.1; done');
    assert.equal(await begin(id), 200);
    const { Pid } = await inspect(id);
    await daemon().kill9();
    process.kill(Pid, 'SIGTERM');
    await daemon().restart();
    const { ExitCode } = await ends(id);
    assert.equal(ExitCode, 143);
    assert.equal(await begin(id), 409);
  });

  test('one that had ended, and that nobody had asked for: also two daemons later', async () => {
    const container = await running();
    const id = await make(container, 'exit 43');
    assert.equal(await begin(id), 200);
    const shown = await ends(id);
    for (let round = 0; round < 2; round++) {
      await killed();
      assert.deepEqual(await inspect(id), shown);
      assert.equal(await execIds(container), null);
    }
    assert.equal(shown.ExitCode, 43);
    assert.equal(await begin(id), 409);
    const resized = await rest(daemon().socket, 'POST', { path: `/exec/${id}/resize?h=1&w=1` });
    assert.match(resized.text, /exec process is not started/);
  });

  test('one whose program is not there', async () => {
    const container = await running();
    const body = { Cmd: ['nosuch'] };
    const made = await rest(daemon().socket, 'POST', { path: `/containers/${container}/exec`, body });
    const { Id } = made.json<{ Id: string }>();
    await begin(Id);
    await killed();
    assert.equal((await inspect(Id)).ExitCode, 127);
  });

  test('one that nobody has started yet is started by the next daemon', async () => {
    const container = await running();
    const id = await make(container, '[ $A = b ] && exit 44');
    await killed();
    assert.deepEqual(await execIds(container), [id]);
    assert.equal((await inspect(id)).ExitCode, null);
    assert.equal(await begin(id), 200);
    assert.equal((await ends(id)).ExitCode, 44);
  });

  test('what was never started goes with the end of its container, all the rest with the container', async () => {
    const container = await running();
    const pid = Number(await daemon().dockerOk('inspect', '-f', '{{.State.Pid}}', container));
    const [ended, unstarted] = [await make(container, 'exit 45'), await make(container, 'exit 46')];
    await begin(ended);
    await ends(ended);
    await daemon().kill9();
    process.kill(pid, 'SIGKILL');
    await daemon().restart();
    const ask = async (id: string): Promise<number> =>
      (await rest(daemon().socket, 'GET', { path: `/exec/${id}/json` })).status;
    await eventually('the container has ended', async () => (await ask(unstarted)) === 404);
    assert.equal(await ask(ended), 200);
    await daemon().dockerOk('rm', container);
    assert.equal(await ask(ended), 404);
    await killed();
    assert.equal(await ask(ended), 404);
  });
});
