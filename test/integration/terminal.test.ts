import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../lib/process.ts';
import { clients, daemonSuite } from '../lib/suite.ts';

/** What attach answers when its user leaves; run answers 0. */
const DETACHED = 1;
const CTRL_C = '\x03';
const CTRL_D = '\x04';
const CTRL_P = '\x10';
const CTRL_Q = '\x11';

daemonSuite('terminal', (daemon) => {
  for (const client of clients) {
    test(`${client}: run -it is a shell on a terminal that follows its size`, async () => {
      await using terminal = daemon().terminal(client, 'run', '--rm', '-it', 'busybox', 'sh');
      await terminal.shows(/[$#] /);
      terminal.type('tty; stty size\n');
      await terminal.shows('/dev/pts/0');
      await terminal.shows('24 80');
      terminal.resize(40, 132);
      await eventually('the size arrived', async () => {
        terminal.type('stty size\n');
        return terminal.shows('40 132', 300).then(
          () => true,
          () => false,
        );
      });
      terminal.type('exit 6\n');
      assert.equal(await terminal.exit, 6);
    });

    test(`${client}: Ctrl-C reaches the program, Ctrl-D ends the shell`, async () => {
      await using terminal = daemon().terminal(client, 'run', '--rm', '-it', 'busybox', 'sh');
      await terminal.shows(/[$#] /);
      terminal.type('sleep 1000\n');
      await terminal.shows('sleep 1000');
      await new Promise((resolve) => setTimeout(resolve, 200));
      terminal.type(CTRL_C);
      terminal.type('echo "code $?"\n');
      await terminal.shows('code 130');
      terminal.type(CTRL_D);
      assert.equal(await terminal.exit, 0);
    });

    test(`${client}: exec -it is a second terminal`, async () => {
      await daemon().dockerOk('run', '-d', '--name', 'host', 'busybox', 'sleep', '1000');
      await using terminal = daemon().terminal(client, 'exec', '-it', 'host', 'sh');
      await terminal.shows(/[$#] /);
      terminal.type('stty size; hostname\n');
      await terminal.shows('24 80');
      terminal.resize(50, 100);
      await eventually('the size arrived', async () => {
        terminal.type('stty size\n');
        return terminal.shows('50 100', 300).then(
          () => true,
          () => false,
        );
      });
      terminal.type('exit 4\n');
      assert.equal(await terminal.exit, 4);
    });

    test(`${client}: attach, detach by keys, attach again`, async () => {
      const id = await daemon().dockerOk('run', '-dit', 'busybox', 'sh');
      {
        await using terminal = daemon().terminal(client, 'attach', id);
        terminal.type('X=remembered; echo first-$((1+1))\n');
        await terminal.shows('first-2');
        terminal.type(CTRL_P);
        terminal.type(CTRL_Q);
        assert.equal(await terminal.exit, DETACHED);
        assert.match(terminal.screen(), /read escape sequence/);
      }
      assert.equal(await daemon().dockerOk('inspect', '-f', '{{.State.Status}}', id), 'running');
      {
        await using terminal = daemon().terminal(client, 'attach', '--detach-keys', 'ctrl-x,z', id);
        terminal.type('echo again-$X\n');
        await terminal.shows('again-remembered');
        terminal.type('\x18z');
        assert.equal(await terminal.exit, DETACHED);
      }
      {
        await using terminal = daemon().terminal(client, 'attach', id);
        terminal.type('exit 8\n');
        assert.equal(await terminal.exit, 8);
      }
    });

    test(`${client}: run -it can be left by the detach keys`, async () => {
      await using terminal = daemon().terminal(client, 'run', '-it', '--name', 'left', 'busybox', 'sh');
      await terminal.shows(/[$#] /);
      terminal.type(`${CTRL_P}${CTRL_Q}`);
      assert.equal(await terminal.exit, 0);
      assert.equal(await daemon().dockerOk('inspect', '-f', '{{.State.Status}}', 'left'), 'running');
    });

    test(`${client}: -t without -i gives the program a terminal`, async () => {
      const out = await daemon().runOk(
        client,
        'run',
        '--rm',
        '-t',
        'busybox',
        'sh',
        '-c',
        'test -t 1 && tty',
      );
      assert.equal(out, '/dev/pts/0\r');
    });

    test(`${client}: -it refuses a stdin that is no terminal`, async () => {
      const result = await daemon().run(client, 'run', '--rm', '-it', 'busybox', 'true');
      assert.notEqual(result.code, 0);
      assert.match(
        result.stderr,
        /the input device is not a TTY|cannot attach stdin to a TTY-enabled container/,
      );
    });
  }

  test('a client that vanishes leaves the program running, and another can attach', async () => {
    const first = daemon().terminal('docker', 'run', '-it', '--name', 'survivor', 'busybox', 'sh');
    await first.shows(/[$#] /);
    first.kill('SIGKILL');
    await first[Symbol.asyncDispose]();
    assert.equal(await daemon().dockerOk('inspect', '-f', '{{.State.Status}}', 'survivor'), 'running');
    await using second = daemon().terminal('docker', 'attach', 'survivor');
    second.type('echo alive-$((40+2))\n');
    await second.shows('alive-42');
    second.type('exit\n');
    assert.equal(await second.exit, 0);
  });

  test('two terminals on one container see the same', async () => {
    const id = await daemon().dockerOk('run', '-dit', 'busybox', 'sh');
    await using one = daemon().terminal('docker', 'attach', id);
    await using two = daemon().terminal('docker', 'attach', id);
    await new Promise((resolve) => setTimeout(resolve, 500));
    one.type('echo from-$((0+1))\n');
    await Promise.all([one.shows('from-1'), two.shows('from-1')]);
    two.type('echo from-$((1+1))\n');
    await Promise.all([one.shows('from-2'), two.shows('from-2')]);
    one.type('exit\n');
    await Promise.all([one.exit, two.exit]);
  });
});
