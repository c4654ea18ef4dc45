import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ended, eventually, exec } from '../lib/process.ts';
import { clients, daemonSuite } from '../lib/suite.ts';

daemonSuite('run', (daemon) => {
  for (const client of clients) {
    test(`${client}: prints what the program prints, each stream on its own`, async () => {
      const result = await daemon().run(
        client,
        'run',
        '--rm',
        'busybox',
        'sh',
        '-c',
        'echo out; echo err >&2',
      );
      assert.deepEqual(result, { code: 0, stdout: 'out\n', stderr: 'err\n' });
    });

    const codes: readonly (readonly [what: string, args: readonly string[], code: number, stderr: RegExp])[] =
      [
        ['success', ['busybox', 'true'], 0, /^$/],
        ['the code of the program', ['busybox', 'sh', '-c', 'exit 42'], 42, /^$/],
        ['126 for what is no program', ['busybox', '/etc/passwd'], 126, /permission denied/],
        ['126 for a directory', ['busybox', '/etc'], 126, /permission denied|is a directory/],
        [
          '127 for what is not on PATH',
          ['busybox', 'nosuch'],
          127,
          /"nosuch": executable file not found in \$PATH/,
        ],
        ['127 for a missing path', ['busybox', '/no/such'], 127, /no such file or directory/],
        ['125 for an image that is nowhere', ['nosuch.invalid/x:1', 'true'], 125, /nosuch\.invalid\/x:1/],
        [
          '125 for a flag that does not exist',
          ['--nosuch', 'busybox', 'true'],
          125,
          /unknown flag: --nosuch/,
        ],
        [
          '125 for a user that the image lacks',
          ['-u', 'nosuch', 'busybox', 'true'],
          125,
          /unable to find user nosuch/,
        ],
      ];
    for (const [what, args, code, stderr] of codes) {
      test(`${client}: exits with ${what}`, async () => {
        const result = await daemon().run(client, 'run', '--rm', ...args);
        assert.equal(result.code, code, result.stderr);
        assert.match(result.stderr, stderr);
      });
    }

    test(`${client}: gives stdin to the program and ends it`, async () => {
      const argv = daemon().argv(client, 'run', '--rm', '-i', 'busybox', 'sh', '-c', 'cat; echo end');
      const input = 'x'.repeat(300_000);
      const result = await exec(argv, { input });
      assert.equal(result.stdout, `${input}end\n`);
    });

    test(`${client}: without -i the program reads nothing`, async () => {
      const argv = daemon().argv(client, 'run', '--rm', 'busybox', 'cat');
      assert.deepEqual(await exec(argv, { input: 'lost' }), { code: 0, stdout: '', stderr: '' });
    });

    test(`${client}: flags that shape the process`, async () => {
      const flags = ['-e', 'A=1', '-e', 'B=two words', '-w', '/var/deep/dir', '-u', '1:10', '-h', 'boat'];
      const script = 'echo $A-$B; pwd; id -u; id -g; hostname; echo $0 $1';
      const out = await daemon().runOk(
        client,
        'run',
        '--rm',
        ...flags,
        'busybox',
        'sh',
        '-c',
        script,
        'x',
        'y z',
      );
      assert.deepEqual(out.split('\n'), ['1-two words', '/var/deep/dir', '1', '10', 'boat', 'x y z']);
    });

    test(`${client}: --env-file, --entrypoint, --name, --label`, async () => {
      const file = join(daemon().directory, 'env');
      await writeFile(file, '# comment\nFROM_FILE=yes\n\nEMPTY=\n');
      const flags = ['--env-file', file, '--name', 'named', '--label', 'k=v', '--entrypoint', 'echo'];
      await daemon().runOk(client, 'run', '-d', ...flags, 'busybox', 'hello');
      await daemon().dockerOk('wait', 'named');
      assert.equal(await daemon().runOk(client, 'logs', 'named'), 'hello');
      const env = await daemon().runOk(client, 'inspect', '--format', '{{json .Config.Env}}', 'named');
      assert.deepEqual(
        (JSON.parse(env) as string[]).filter((entry) => !entry.startsWith('PATH=')),
        ['FROM_FILE=yes', 'EMPTY='],
      );
      const again = await daemon().run(client, 'run', '--name', 'named', 'busybox');
      assert.equal(again.code, 125);
      assert.match(
        again.stderr,
        /Conflict\. The container name "\/named" is already in use by container "[0-9a-f]{64}"\. You have to remove \(or rename\) that container to be able to reuse that name\./,
      );
    });

    test(`${client}: -v binds, also read-only, and makes a missing source`, async () => {
      const directory = await mkdtemp(join(daemon().directory, 'v'));
      await writeFile(join(directory, 'in'), 'from the host');
      const binds = [
        '-v',
        `${directory}:/data`,
        '-v',
        `${directory}:/ro:ro`,
        '-v',
        `${directory}/made:/made`,
      ];
      const script =
        'cat /ro/in; echo back > /data/out; echo x > /ro/x || echo refused; test -d /made && echo made';
      const result = await daemon().run(client, 'run', '--rm', ...binds, 'busybox', 'sh', '-c', script);
      assert.equal(result.stdout, 'from the hostrefused\nmade\n');
      assert.match(result.stderr, /Read-only file system/);
      assert.equal(await readFile(join(directory, 'out'), 'utf8'), 'back\n');
      await rm(directory, { recursive: true });
    });

    test(`${client}: --read-only leaves nothing writable but the kernel's and a tmpfs`, async () => {
      const script =
        'touch /x 2>/dev/null || echo ro; touch /dev/shm/x && echo shm; touch /t/x && echo tmpfs';
      const flags = ['--read-only', '--tmpfs', '/t'];
      const out = await daemon().runOk(client, 'run', '--rm', ...flags, 'busybox', 'sh', '-c', script);
      assert.equal(out, 'ro\nshm\ntmpfs');
    });

    test(`${client}: -d prints the id and leaves it running`, async () => {
      const id = await daemon().runOk(client, 'run', '-d', 'busybox', 'sleep', '100');
      assert.match(id, /^[0-9a-f]{64}$/);
      assert.equal(await daemon().runOk(client, 'inspect', '-f', '{{.State.Status}}', id), 'running');
    });

    test(`${client}: passes signals on and takes over the exit code`, async () => {
      const script = 'trap "echo caught; exit 7" TERM; echo ready; while :; do sleep 0.1; done';
      const child = daemon().spawn(client, 'run', '--rm', 'busybox', 'sh', '-c', script);
      let out = '';
      child.stdout?.on('data', (chunk: Buffer) => (out += chunk.toString()));
      await eventually('the program is ready', () => out.includes('ready'));
      child.kill('SIGTERM');
      assert.equal(await ended(child), 7);
      assert.equal(out, 'ready\ncaught\n');
    });

    test(`${client}: --rm removes, also after a failure to start`, async () => {
      await daemon().run(client, 'run', '--rm', 'busybox', 'nosuch');
      assert.equal(await daemon().dockerOk('ps', '-aq'), '');
    });

    test(`${client}: --cidfile`, async () => {
      const file = join(daemon().directory, `cid-${client}`);
      const id = await daemon().runOk(client, 'run', '-d', '--cidfile', file, 'busybox', 'true');
      assert.equal(await readFile(file, 'utf8'), id);
    });
  }
});
