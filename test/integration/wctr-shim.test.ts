import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { built } from '../lib/clients.ts';
import type { Daemon } from '../lib/daemon.ts';
import { eventually, exec, type Result } from '../lib/process.ts';
import { daemonSuite } from '../lib/suite.ts';

/** `wctr shim VERB` on the daemon's exec root: nothing of it needs the daemon. */
const shim = (daemon: Daemon, [verb = '', ...args]: readonly string[], input = ''): Promise<Result> =>
  exec([built('wctr'), 'shim', verb, '--exec-root', daemon.execRoot, ...args], { input });

daemonSuite('wctr shim', (daemon) => {
  test('state, log, attach and signal, while no daemon runs', async () => {
    const d = daemon();
    const script = 'echo begun; while read line && [ "$line" != end ]; do echo "got $line"; done; exit 7';
    const id = await d.dockerOk('run', '-di', 'busybox', 'sh', '-c', script);
    const pid = Number(await d.dockerOk('inspect', '-f', '{{.State.Pid}}', id));
    await d.kill9();
    try {
      const { stdout } = await shim(d, ['state', id.slice(0, 12)]);
      const state = JSON.parse(stdout) as Record<string, unknown>;
      assert.deepEqual(
        [state['id'], state['status'], state['pid'], state['terminal']],
        [id, 'running', pid, false],
      );
      assert.match(await readFile(`/proc/${String(state['shimPid'])}/cmdline`, 'utf8'), /^wherry-shim/);
      assert.match((await shim(d, ['ls'])).stdout, new RegExp(`^${id} +${pid} +RUNNING$`, 'm'));
      const log = await shim(d, ['log', '-n', '1', `${d.execRoot}/shims/${id}/sock`]);
      assert.match(log.stdout, /"size": [1-9]\d*,/);
      assert.match(log.stdout, /^{"log":"begun\\n","stream":"stdout"/m);
      // A signal that it ignores, and one that nobody has.
      assert.equal((await shim(d, ['signal', id, 'URG'])).code, 0);
      assert.match((await shim(d, ['signal', id, 'NONE'])).stderr, /^wctr: unknown signal "NONE"/);
      assert.match((await shim(d, ['state', 'ffff'])).stderr, /not found/);
      // The code is the container's.
      const attached = await shim(d, ['attach', id], 'one\ntwo\nend\n');
      assert.match(attached.stdout, /got one\ngot two\n/);
      const after = await eventually('it has ended', async () => {
        const { stdout: text } = await shim(d, ['state', id]);
        return text.includes('"stopped"') ? (JSON.parse(text) as Record<string, unknown>) : undefined;
      });
      assert.deepEqual([after['exitStatus'], attached.code], [7, 7]);
    } finally {
      await d.restart();
    }
    assert.equal(await d.dockerOk('inspect', '-f', '{{.State.Status}}', id), 'exited');
  });
});
