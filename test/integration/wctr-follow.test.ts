import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { eventually } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';
import { built } from '../lib/clients.ts';
import { IMAGE, PAIRS, type Pair } from '../lib/wctr.ts';

const NEEDS = requires('root', 'containerd', 'ctr', 'unshare', 'busybox');

/** Both clients' events of everything that ctr does here. */
async function listen({ bench, address, ctr, archive }: Pair): Promise<readonly string[][]> {
  const outputs = ['theirs', 'ours'].map((name) => join(bench.directory, name));
  const shown = async (): Promise<string[]> =>
    Promise.all(outputs.map((path) => readFile(path, 'utf8').catch(() => '')));
  const until = async (mark: string): Promise<void> => {
    await eventually(`both have heard of ${mark}`, async () => {
      await ctr('namespaces', 'label', 'marks', `last=${mark}`);
      return (await shown()).every((text) => text.includes(`"${mark}"`));
    });
  };
  await ctr('namespaces', 'create', 'marks');
  await ctr('images', 'import', archive);
  for (const [index, program] of ['ctr', built('wctr')].entries())
    bench.daemon(['sh', '-c', `exec ${program} -a ${address} events > ${outputs[index] ?? ''}`]);
  await until('begin');
  for (const command of [
    `run --rm ${IMAGE} c1 true`,
    `run -d ${IMAGE} c1 sleep 1000`,
    'tasks exec --exec-id e1 c1 false',
    'tasks pause c1',
    'tasks resume c1',
    'containers label c1 a=b',
    'tasks rm -f c1',
    'containers rm c1',
    'snapshots prepare work',
    'snapshots commit done work',
    'snapshots rm done',
    `images tag ${IMAGE} other:1`,
    `images label other:1 a=b`,
    'images rm other:1',
    'namespaces create made-here',
    'namespaces label made-here a=b',
    'namespaces rm made-here',
  ]) {
    const { code, stderr } = await ctr(...command.split(' '));
    assert.ok(code === 0 || /exec|rm -f/.test(command), `${command}: ${stderr}`);
  }
  await until('end');
  await ctr('namespaces', 'rm', 'marks');
  return (await shown()).map((text) => {
    const lines = text.split('\n');
    const [from = 0, to] = ['begin', 'end'].map((mark) =>
      lines.findIndex((line) => line.includes(`"${mark}"`)),
    );
    // Which is told how often depends on who listened first.
    return lines.slice(from, to).filter((line) => !line.includes('"last"'));
  });
}

/** Without what is another one each time. */
const plainEvent = (line: string): string =>
  line
    .replace(/^\S+ \S+ \+0000 UTC /, '')
    .replaceAll(/"(exited_at|bundle|stdin|stdout|stderr)":"[^"]+"/g, '"$1":"…"')
    .replaceAll(/"((?:work|upper|lower)dir)=[^"]+"/g, '"$1=…"')
    .replaceAll(/"pid":\d+/g, '"pid":0');

describe('events', NEEDS, () => {
  test('are the same for ctr and wctr, and those of a real containerd', async (t) => {
    const heard: string[][] = [];
    for (const start of Object.values(PAIRS)) {
      const [byCtr = [], byWctr] = await listen(await start(t));
      assert.ok(byCtr.length > 20, byCtr.join('\n'));
      assert.deepEqual(byWctr, byCtr);
      heard.push(byCtr.map(plainEvent));
    }
    const [expected, actual] = heard;
    assert.deepEqual(actual, expected);
  });
});

for (const [daemon, start] of Object.entries(PAIRS)) {
  describe(`wctr beside ctr, against ${daemon}`, NEEDS, () => {
    test('who attaches reads what comes, and has the exit code', async (t) => {
      const { bench, same, ctr, wctr, archive, fifosOf } = await start(t);
      const id = `attached-${process.pid}`;
      await same(`images import ${archive}`);
      const [script, output] = [join(bench.directory, 'script'), join(bench.directory, 'output')];
      await writeFile(script, 'trap "echo ending; exit 5" TERM\nwhile :; do echo up; sleep 0.1; done');
      const mount = `type=bind,src=${script},dst=/script,options=rbind:ro`;
      for (const [client, words] of [
        [ctr, ctr.words],
        [wctr, wctr.words],
      ] as const) {
        const run = await client('run', '-d', '--mount', mount, IMAGE, id, 'sh', '/script');
        assert.equal(run.code, 0, run.stderr);
        await writeFile(output, '');
        const attached = bench.run(['sh', '-c', `${words} tasks attach ${id} > ${output}`]);
        await eventually('it prints', async () => (await readFile(output, 'utf8')).includes('up'));
        assert.equal((await client('tasks', 'kill', id)).code, 0);
        const { code, stderr } = await attached;
        assert.deepEqual({ code, stderr }, { code: 5, stderr: '' });
        assert.match(await readFile(output, 'utf8'), /^(up\n)+ending\n$/);
        await client('tasks', 'rm', id);
        assert.equal(await fifosOf(id), '');
      }
      await same('tasks ls');
      await same(`tasks attach ${id}`);
      await same('tasks attach none');
      await same(`containers rm ${id}`);
    });
  });
}
