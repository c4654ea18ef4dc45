import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { readdir, readFile } from 'node:fs/promises';
import { env } from 'node:process';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../lib/process.ts';
import { rest } from '../lib/rest.ts';
import { daemonSuite } from '../lib/suite.ts';
import { createTrack } from '../lib/track.ts';

/** Demand 14: WHERRY_TEST_EXECS=100000 WHERRY_TEST_PATIENCE=20 nice node scripts/test.ts test/integration/execs-many.test.ts */
const COUNT = Number(env['WHERRY_TEST_EXECS'] ?? 300);
const AT_ONCE = 4;
const SAMPLES = 20;
/** From so many on what they leave shows in what processes use. */
const MANY = 10_000;
const LOOK_MS = 5_000;
const MOST_LOOKS = 6;
const ABANDONED = Number(env['WHERRY_TEST_ATTACHES'] ?? 300);
const MIB = 1024 * 1024;

daemonSuite(
  'many',
  (daemon) => {
    const running = (...command: string[]): Promise<string> =>
      daemon().dockerOk(
        'run',
        '-d',
        '-i',
        'busybox',
        ...(command.length === 0 ? ['sleep', '100000'] : command),
      );
    const makeExec = async (id: string, ...Cmd: string[]): Promise<string> => {
      const body = { Cmd, AttachStdout: true, AttachStderr: true };
      return (await rest(daemon().socket, 'POST', { path: `/containers/${id}/exec`, body })).json<{
        Id: string;
      }>().Id;
    };
    const kilobytes = async (pid: number): Promise<number> => {
      const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
      return Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1]);
    };
    const shimOf = async (id: string): Promise<number> => {
      const pid = await daemon().dockerOk('inspect', '-f', '{{.State.Pid}}', id);
      return Number(/^PPid:\s+(\d+)/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]);
    };
    const descriptors = async (): Promise<number> => (await readdir(`/proc/${daemon().pid}/fd`)).length;
    const shims = async (): Promise<number> => (await readdir(`${daemon().execRoot}/shims`)).length;

    test(`${COUNT} execs in a row leave nothing`, async (t) => {
      const id = await running();
      const before = { fds: await descriptors(), shims: await shims() };
      const [daemonUses, shimUses] = [createTrack(daemon().pid), createTrack(await shimOf(id))];
      const heapUsed = async (): Promise<number> => {
        const vars = await rest(daemon().socket, 'GET', { path: '/debug/vars' });
        return vars.json<{ memory: { heapUsed: number } }>().memory.heapUsed / 1024;
      };
      /** What is in use, and not what V8 has set aside: a daemon that is idle collects once. */
      const heapKib = async (): Promise<number | undefined> => {
        if (COUNT < MANY) return undefined;
        let least = await heapUsed();
        const garbage = least;
        for (let look = 0; look < MOST_LOOKS && least > garbage * 0.9; look++) {
          await sleep(LOOK_MS);
          least = Math.min(least, await heapUsed());
        }
        return least;
      };
      let done = 0;
      const until = async (most: number): Promise<void> => {
        while (done < most) {
          done += 1;
          const exec = await makeExec(id, 'echo', 'x');
          const started = await rest(daemon().socket, 'POST', { path: `/exec/${exec}/start`, body: {} });
          assert.match(started.text, /x\n$/);
        }
      };
      for (let sample = 1; sample <= SAMPLES; sample++) {
        const most = Math.round((COUNT * sample) / SAMPLES);
        await Promise.all(Array.from({ length: AT_ONCE }, () => until(most)));
        await Promise.all([daemonUses.look(done, await heapKib()), shimUses.look(done)]);
        if (COUNT >= MANY) console.error(`daemon ${daemonUses.last()}; shim ${shimUses.last()}`);
      }
      await eventually('the shims are gone', async () => (await shims()) === before.shims);
      await eventually('the descriptors are closed', async () => (await descriptors()) <= before.fds + 2);
      const inspected = (await rest(daemon().socket, 'GET', { path: `/containers/${id}/json` })).json<{
        ExecIDs: string[] | null;
      }>();
      assert.equal(inspected.ExecIDs, null);
      assert.equal((await daemon().dockerOk('exec', id, 'ps')).split('\n').length, 3);
      for (const [what, track] of [
        ['daemon', daemonUses],
        ['shim', shimUses],
      ] as const) {
        t.diagnostic(`${what}: ${track.all()}`);
        const slope = track.slope();
        t.diagnostic(`${what}: ${slope.kib.toFixed(1)} KiB and ${slope.fds.toFixed(3)} fds in 1000`);
        // What V8 leaves lying about between two collections hides everything in a short run.
        if (COUNT < MANY) continue;
        assert.ok(slope.kib < 256, `the ${what} grows`);
        assert.ok(slope.fds < 1, `the ${what} keeps descriptors`);
      }
    });

    /** A request on a connection that is read no further than its head. */
    const hijack = (path: string, body = ''): Promise<ReturnType<typeof connect>> =>
      new Promise((resolve, reject) => {
        const client = connect({ path: daemon().socket });
        client.on('error', reject).once('data', () => {
          client.pause();
          resolve(client);
        });
        const length = `Content-Type: application/json\r\nContent-Length: ${body.length}`;
        client.write(
          `POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n${length}\r\n\r\n${body}`,
        );
      });

    test('threat 23: a gigabyte that nobody reads is held up, not held in memory', async () => {
      const id = await running();
      const exec = await makeExec(id, 'dd', 'if=/dev/zero', 'bs=1M', 'count=1000');
      const before = await kilobytes(daemon().pid);
      const client = await hijack(`/exec/${exec}/start`, '{}');
      type Inspect = { readonly Pid: number; readonly Running: boolean };
      const inspect = async () =>
        (await rest(daemon().socket, 'GET', { path: `/exec/${exec}/json` })).json<Inspect>();
      // The head of the answer comes before the program runs.
      await eventually('it runs', async () => (await inspect()).Pid > 0);
      const { Pid } = await inspect();
      const written = async (): Promise<number> =>
        Number(/^wchar: (\d+)/m.exec(await readFile(`/proc/${Pid}/io`, 'utf8'))?.[1]);
      let last = -1;
      await eventually('it stands still', async () => {
        const now = await written();
        const stands = now === last && now > 0;
        last = now;
        if (!stands) await new Promise((resolve) => setTimeout(resolve, 200));
        return stands;
      });
      assert.ok(last < 16 * MIB, `${last} bytes were taken`);
      assert.ok((await inspect()).Running);
      assert.ok((await kilobytes(daemon().pid)) - before < 32 * 1024);
      const status = await readFile(`/proc/${Pid}/status`, 'utf8');
      const shim = Number(/^PPid:\s+(\d+)/m.exec(status)?.[1]);
      assert.ok((await kilobytes(shim)) < 4 * 1024, 'the shim holds it');
      client.destroy();
      await eventually('it ends with its reader', async () => !(await inspect()).Running);
    });

    test(`threat 23: ${ABANDONED} abandoned attaches cost nothing once they are gone`, async (t) => {
      const id = await running(
        'sh',
        '-c',
        'while :; do echo a line that somebody may read; sleep 0.05; done',
      );
      const before = await descriptors();
      const sizes = [await kilobytes(daemon().pid)];
      for (let done = 0; done < ABANDONED; done += 10) {
        const clients = await Promise.all(
          Array.from({ length: 10 }, () =>
            hijack(`/containers/${id}/attach?stream=1&stdout=1&stderr=1&stdin=1`),
          ),
        );
        for (const client of clients) client.destroy();
        if (done % 100 === 0) sizes.push(await kilobytes(daemon().pid));
      }
      await eventually('the descriptors are closed', async () => (await descriptors()) <= before + 2);
      const shim = await shimOf(id);
      await eventually('the shim has let go', async () => (await readdir(`/proc/${shim}/fd`)).length < 40);
      assert.ok((await kilobytes(shim)) < 4 * 1024);
      assert.ok((sizes.at(-1) ?? 0) - (sizes[0] ?? 0) < 64 * 1024, `PSS in KiB: ${sizes.join(', ')}`);
      t.diagnostic(`PSS of the daemon in KiB on the way: ${sizes.join(', ')}`);
      assert.equal(await daemon().dockerOk('inspect', '-f', '{{.State.Running}}', id), 'true');
    });
  },
  { args: ['--debug'] },
);
