import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ended, eventually, start } from '../lib/process.ts';
import { daemonSuite } from '../lib/suite.ts';

const PROGRAM = fileURLToPath(new URL('../lib/exhaust-inotify.py', import.meta.url));

/** All that root may have of it, until disposed: they go with the process that has them, whatever becomes of this one. */
async function exhausted(what: 'instances' | 'watches'): Promise<AsyncDisposable> {
  const child = start(['python3', PROGRAM, what], { stdio: ['pipe', 'pipe', 'inherit'] });
  const said = await new Promise<string>((resolve) => {
    child.stdout?.once('data', (data: Buffer) => resolve(data.toString()));
    child.once('close', (code) => resolve(`it ended with ${code}`));
  });
  assert.match(said, /^full/);
  return {
    [Symbol.asyncDispose]: async () => {
      child.stdin?.end();
      await ended(child);
    },
  };
}

/** Following a log is what the daemon needs inotify for; where there is none it looks from time to time. */
daemonSuite('a host whose inotify limits are reached', (daemon) => {
  const script =
    'i=0; while [ ! -e /go ]; do sleep 0.1; done; while [ $i -lt 50 ]; do echo $i; i=$((i+1)); done';
  const lines = Array.from({ length: 50 }, (_, n) => String(n)).join('\n');
  const follow = async (id: string): Promise<string> => {
    const followed = daemon().dockerOk('logs', '-f', id);
    await eventually('it runs', async () => (await daemon().docker('exec', id, 'touch', '/go')).code === 0);
    return followed;
  };

  for (const what of ['instances', 'watches'] as const) {
    test(`logs are followed without ${what}, and with them again`, async () => {
      {
        await using _ = await exhausted(what);
        const id = await daemon().dockerOk('run', '-d', 'busybox', 'sh', '-c', script);
        assert.equal(await follow(id), lines);
        assert.equal(await daemon().dockerOk('wait', id), '0');
        const local = ['--log-driver', 'local', '--log-opt', 'max-size=1k', '--log-opt', 'max-file=5'];
        const rotated = await daemon().dockerOk('run', '-d', ...local, 'busybox', 'sh', '-c', script);
        assert.equal(await follow(rotated), lines);
      }
      const id = await daemon().dockerOk('run', '-d', 'busybox', 'sh', '-c', script);
      assert.equal(await follow(id), lines);
    });
  }

  test('a daemon starts without inotify', async () => {
    const id = await daemon().dockerOk('run', '-d', 'busybox', 'sh', '-c', script);
    await using _ = await exhausted('instances');
    await daemon().kill9();
    await daemon().restart();
    assert.equal(await follow(id), lines);
  });
});
