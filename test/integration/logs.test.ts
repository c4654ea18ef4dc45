import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { ended, eventually, PATIENCE } from '../lib/process.ts';
import { clients, daemonSuite } from '../lib/suite.ts';

const RFC3339_NANO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/;

daemonSuite('logs', (daemon) => {
  const finished = async (script: string, ...flags: string[]): Promise<string> => {
    const id = await daemon().dockerOk('run', '-d', ...flags, 'busybox', 'sh', '-c', script);
    await daemon().dockerOk('wait', id);
    return id;
  };
  const logPath = (id: string): Promise<string> => daemon().dockerOk('inspect', '-f', '{{.LogPath}}', id);

  for (const client of clients) {
    test(`${client}: each stream comes back on its own`, async () => {
      const id = await finished('echo out; echo err >&2; printf "no newline"');
      const result = await daemon().run(client, 'logs', id);
      assert.deepEqual(result, { code: 0, stdout: 'out\nno newline', stderr: 'err\n' });
    });

    test(`${client}: --tail`, async () => {
      const id = await finished('seq 1 1000');
      const tail = (n: string): Promise<string> => daemon().runOk(client, 'logs', '--tail', n, id);
      assert.equal(await tail('3'), '998\n999\n1000');
      assert.equal(await tail('0'), '');
      assert.equal((await tail('all')).split('\n').length, 1000);
      assert.equal((await tail('5000')).split('\n').length, 1000);
    });

    test(`${client}: -t, --since and --until cut by time`, async () => {
      const id = await finished('echo one; sleep 0.3; echo two; sleep 0.3; echo three');
      const lines = (await daemon().runOk(client, 'logs', '-t', id))
        .split('\n')
        .map((line) => line.split(' '));
      assert.deepEqual(
        lines.map(([, text]) => text),
        ['one', 'two', 'three'],
      );
      const [, second = ''] = lines.map(([time]) => time);
      assert.match(second, RFC3339_NANO);
      assert.equal(await daemon().runOk(client, 'logs', '--since', second, id), 'two\nthree');
      assert.equal(await daemon().runOk(client, 'logs', '--until', second, id), 'one\ntwo');
      assert.equal(await daemon().runOk(client, 'logs', '--since', '1h', id), 'one\ntwo\nthree');
    });

    test(`${client}: -f follows to the end`, async () => {
      const script = 'echo first; until [ -e /go ]; do sleep 0.1; done; echo second';
      const id = await daemon().dockerOk('run', '-d', 'busybox', 'sh', '-c', script);
      const child = daemon().spawn(client, 'logs', '-f', id);
      let out = '';
      child.stdout?.on('data', (chunk: Buffer) => (out += chunk.toString()));
      await eventually('the first line came', () => out === 'first\n');
      await daemon().dockerOk('exec', id, 'touch', '/go');
      assert.equal(await ended(child), 0);
      assert.equal(out, 'first\nsecond\n');
    });

    test(`${client}: -f of one that has ended ends`, async () => {
      const id = await finished('echo done');
      assert.equal(await daemon().runOk(client, 'logs', '-f', id), 'done');
    });

    test(`${client}: an unknown container`, async () => {
      const result = await daemon().run(client, 'logs', 'nosuch');
      assert.equal(result.code, 1);
      assert.match(result.stderr, /No such container: nosuch/);
    });
  }

  test('the file has the json-file format of docker', async () => {
    const id = await finished(
      'echo "a \\"quoted\\" line"; printf "tab\\there\\n"; echo err >&2; printf "\\377\\n"',
    );
    const entries = (await readFile(await logPath(id), 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, string>);
    const rows = entries
      .toSorted((a, b) => (a['stream'] ?? '').localeCompare(b['stream'] ?? ''))
      .map(({ log, stream }) => [stream, log]);
    assert.deepEqual(rows, [
      ['stderr', 'err\n'],
      ['stdout', 'a "quoted" line\n'],
      ['stdout', 'tab\there\n'],
      ['stdout', '\ufffd\n'],
    ]);
    for (const entry of entries) {
      assert.deepEqual(Object.keys(entry), ['log', 'stream', 'time']);
      assert.ok(!Number.isNaN(Date.parse(entry['time'] ?? '')));
    }
  });

  test('a line longer than 16 KiB comes back whole', async () => {
    const id = await finished('head -c 100000 /dev/zero | tr "\\0" x; echo; echo after');
    assert.equal(await daemon().dockerOk('logs', id), `${'x'.repeat(100_000)}\nafter`);
  });

  test('max-size and max-file rotate, and the readers see what is kept', async () => {
    const options = ['--log-opt', 'max-size=10k', '--log-opt', 'max-file=3'];
    const id = await finished('seq 1 2000', ...options);
    const files = (await readdir(dirname(await logPath(id)))).filter((name) => name.includes('json.log'));
    assert.deepEqual(files.toSorted(), [`${id}-json.log`, `${id}-json.log.1`, `${id}-json.log.2`]);
    for (const file of files) {
      const { length } = await readFile(join(dirname(await logPath(id)), file));
      assert.ok(length <= 10_000 + 200, `${file} has ${length} bytes`);
    }
    const kept = (await daemon().dockerOk('logs', id)).split('\n').map(Number);
    assert.equal(kept.at(-1), 2000);
    assert.ok(kept.length > 100 && kept.length < 1000, `${kept.length} lines are kept`);
    assert.deepEqual(
      kept,
      kept.map((_, index) => (kept[0] ?? 0) + index),
    );
  });

  test('-f goes on across rotations without a gap', async () => {
    const options = ['--log-opt', 'max-size=10k', '--log-opt', 'max-file=2'];
    // As much as two files hold comes at a time, and then a pause in which the reader catches up.
    const script = `echo 0; until [ -e /go ]; do sleep 0.1; done
      i=0; while [ $i -lt 600 ]; do i=$((i+1)); echo $i; [ $((i % 60)) = 0 ] && sleep ${0.1 * PATIENCE}; done; true`;
    const id = await daemon().dockerOk('run', '-d', ...options, 'busybox', 'sh', '-c', script);
    const child = daemon().spawn('docker', 'logs', '-f', id);
    let out = '';
    child.stdout?.on('data', (chunk: Buffer) => (out += chunk.toString()));
    await eventually('the reader reads', () => out === '0\n');
    await daemon().dockerOk('exec', id, 'touch', '/go');
    assert.equal(await ended(child), 0);
    const followed = out.trimEnd().split('\n').map(Number);
    assert.deepEqual(
      followed,
      followed.map((_, index) => index),
    );
    assert.equal(followed.length, 601);
  });

  test('--log-driver none keeps nothing', async () => {
    const id = await finished('echo unseen', '--log-driver', 'none');
    const result = await daemon().docker('logs', id);
    assert.equal(result.code, 1);
    assert.match(result.stderr, /configured logging driver does not support reading/);
  });
});
