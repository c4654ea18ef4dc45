import assert from 'node:assert/strict';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { startTasks, type TasksBeside } from '../lib/ctr-tasks.ts';
import { eventually, type Result } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';

const COUNTING = ['/bin/sh', '-c', 'i=0; while :; do echo line $i; i=$((i+1)); sleep 0.05; done'];

/** The prompt, and the question where it is. */
const REDRAWN = new RegExp(String.raw`\r/ # \x1b\[J|\x1b\[6n`, 'g');

/** Words of a shell: until the task runs. ctr forgets an end of its stdin that comes earlier. */
const untilRunning = (address: string, namespace: string, id: string): string =>
  `until ctr -a ${address} -n ${namespace} tasks ls | grep -q "^${id} .*RUNNING"; do sleep 0.1; done; sleep 0.5`;

/** ctr on a terminal of 33 rows, on both: types these lines when the task runs, and what came of it. */
async function typed(
  { bench, addresses, names }: TasksBeside,
  { words, id }: { readonly words: string; readonly id: string },
  lines: readonly string[],
): Promise<string[]> {
  const answers = await Promise.all(
    (['ours', 'theirs'] as const).map((whose) => {
      const [address, namespace] = [addresses[whose], names[whose]];
      const typing = lines.map((line) => `echo '${line}'; sleep 1;`).join(' ');
      const client = `stty rows 33 cols 77; ctr -a ${address} -n ${namespace} ${words}; echo code \\$?`;
      const waiting = untilRunning(address, namespace, id);
      return bench.run(['sh', '-c', `(${waiting}; sleep 2; ${typing}) | script -qec "${client}" /dev/null`]);
    }),
  );
  // The shell draws its prompt anew when it is told of the size.
  return answers.map(({ stdout }) => stdout.replaceAll(REDRAWN, ''));
}

describe("streams of ctr's tasks", requires('root', 'containerd', 'ctr', 'unshare', 'busybox'), () => {
  test('stdin arrives whole and ends; nobody reads its output by halves', async (t) => {
    const tasks = await startTasks(t);
    const { bench, daemon, addresses, namespace } = tasks;
    const run = (input: string, id: string): Promise<Result> => {
      const client = `ctr -a ${addresses.ours} -n ${namespace}`;
      const words = `${client} run --rm --rootfs ${bench.rootfs} ${id} /bin/cat`;
      return bench.run(['sh', '-c', `(${untilRunning(addresses.ours, namespace, id)}; ${input}) | ${words}`]);
    };
    const cat = await run('echo typed', 'one');
    assert.deepEqual({ ...cat, stderr: '' }, { code: 0, stdout: 'typed\n', stderr: '' });
    const many = 'head -c 3000000 /dev/zero | tr "\\0" x';
    const large = await run(many, 'two');
    assert.equal(large.stdout.length, 3_000_000);
    assert.deepEqual(await daemon.leftovers(), []);
  });

  test('output that is read late arrives whole: ctr closes its FIFOs when it hears of the end', async (t) => {
    const { bench, daemon, addresses, namespace, ours, stopped } = await startTasks(t);
    const client = `ctr -a ${addresses.ours} -n ${namespace}`;
    const run = `${client} run --rm --rootfs ${bench.rootfs} one /bin/busybox head -c 150000 /dev/zero`;
    const { stdout } = await bench.run(['sh', '-c', `${run} | (sleep 1; wc -c)`]);
    assert.equal(stdout, '150000\n');
    // Nobody reads it: the end is told all the same.
    await ours('run', '-d', '--rootfs', bench.rootfs, 'two', '/bin/sh', '-c', 'sleep 1; echo done');
    await stopped();
    for (const what of ['tasks', 'containers']) await ours(what, 'rm', 'two');
    await eventually('the shim lets go', async () => (await daemon.leftovers()).length === 0);
  });

  test('a terminal has the size of the client, and its exit code', async (t) => {
    const tasks = await startTasks(t);
    const { bench, same, ours, theirs, stopped } = tasks;
    const [run, expectedRun] = await typed(
      tasks,
      { words: `run --rm -t --rootfs ${bench.rootfs} one /bin/sh`, id: 'one' },
      ['stty size', 'exit 4'],
    );
    assert.match(run ?? '', /33 77[^]*code 4/);
    assert.equal(run, expectedRun);
    await same('run', '-d', '--rootfs', bench.rootfs, 'two', '/bin/sleep', '1000');
    const [exec, expectedExec] = await typed(
      tasks,
      { words: 'tasks exec -t --exec-id x two /bin/sh', id: 'two' },
      ['stty size', 'exit 5'],
    );
    assert.match(exec ?? '', /33 77[^]*code 5/);
    assert.equal(exec, expectedExec);
    for (const ask of [ours, theirs]) await ask('tasks', 'kill', '-s', 'KILL', 'two');
    await stopped();
    await same('tasks', 'rm', 'two');
    await same('containers', 'rm', 'two');
  });

  test('who attaches reads on where the last one left, also behind a daemon that was killed', async (t) => {
    const { ours, bench, daemon, addresses, namespace, stopped } = await startTasks(t);
    await ours('run', '-d', '--rootfs', bench.rootfs, 'box', ...COUNTING);
    const attach = async (): Promise<number[]> => {
      const command = `timeout -s KILL 10 ctr -a ${addresses.ours} -n ${namespace} tasks attach box </dev/null | head -n 5`;
      const { stdout } = await bench.run(['sh', '-c', command]);
      return [...stdout.matchAll(/line (\d+)/g)].map(([, number]) => Number(number));
    };
    const first = await attach();
    await daemon.kill9();
    await daemon.restart();
    const second = await attach();
    assert.equal(first.length, 5);
    assert.equal(second.length, 5);
    assert.ok((second[0] ?? 0) > (first.at(-1) ?? 0));
    await ours('tasks', 'kill', '-s', 'KILL', 'box');
    await stopped();
    await ours('tasks', 'rm', 'box');
    await ours('containers', 'rm', 'box');
    await eventually('the shim lets go', async () => (await daemon.leftovers()).length === 0);
  });

  test('output goes to files and to programs of the host', async (t) => {
    const { runs, ours, bench, daemon } = await startTasks(t);
    const script = ['/bin/sh', '-c', 'echo out; echo err >&2; exit 3'];
    const file = join(bench.directory, 'logs/of/one');
    await runs(['--rm', '--log-uri', `file://${file}`], 'one', ...script);
    assert.deepEqual((await readFile(file, 'utf8')).split('\n').toSorted(), ['', 'err', 'err', 'out', 'out']);
    const [program, seen] = [join(bench.directory, 'logger'), join(bench.directory, 'seen')];
    await writeFile(
      program,
      `#!/bin/sh\nexec 5>&-\necho "$CONTAINER_ID $*" > ${seen}\n` +
        `(sed 's/^/out: /' <&3; sed 's/^/err: /' <&4; echo end) >> ${seen}\n`,
    );
    await chmod(program, 0o755);
    const uri = `binary://${program}?key=value`;
    const { code } = await ours('run', '--rm', '--log-uri', uri, '--rootfs', bench.rootfs, 'two', ...script);
    assert.equal(code, 3);
    const said = 'two key value\nout: out\nerr: err\nend\n';
    await eventually('the logger ends', async () => (await readFile(seen, 'utf8')) === said);
    const missing = await ours(
      'run',
      '--rm',
      '--log-uri',
      'binary:///no/such',
      '--rootfs',
      bench.rootfs,
      'three',
      ...script,
    );
    assert.match(missing.stderr, /fork\/exec \/no\/such: no such file or directory/);
    await eventually('nothing is left', async () => (await daemon.leftovers()).length === 0);
  });

  test('a program for the output that cannot run, or ends at once, holds nobody up', async (t) => {
    const { ours, bench, daemon } = await startTasks(t);
    const logger = join(bench.directory, 'logger');
    for (const [text, message] of [
      ['#!/no/such/interpreter\n', /fork\/exec .*logger.*: (ENOENT|no such file or directory)/],
      ['no program\n', /fork\/exec .*logger.*: (ENOEXEC|exec format error)/],
      ['#!/bin/sh\nexit 1\n', undefined],
    ] as const) {
      await writeFile(logger, text);
      await chmod(logger, 0o755);
      const begun = performance.now();
      const words = ['--log-uri', `binary://${logger}`, '--rootfs', bench.rootfs, 'box', '/bin/true'];
      const { code, stderr } = await ours('run', '--rm', ...words);
      assert.ok(performance.now() - begun < 20_000, `${text} took too long`);
      assert.equal(code, message === undefined ? 0 : 1, stderr);
      if (message !== undefined) assert.match(stderr, message);
      await eventually('nothing is left', async () => (await daemon.leftovers()).length === 0);
    }
  });
});
