import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { access, readdir, readFile, readlink } from 'node:fs/promises';
import { test } from 'node:test';
import { daemonSuite } from '../lib/suite.ts';

/** Row 19 of threats.md: what an image or a client writes into labels, annotations and variables is data, for nobody on the host. */
daemonSuite('labels, annotations and variables', (daemon) => {
  test('reach no command line and no environment on the host, and run nothing there', async () => {
    const token = randomBytes(8).toString('hex');
    const marker = `${daemon().directory}/made-${token}`;
    const values = [
      `$(touch ${marker})`,
      `;touch ${marker};`,
      `\`touch ${marker}\``,
      `--hook=/bin/sh`,
      `\n${token}`,
    ];
    const names = [
      ...['org.systemd.property.ExecStart', 'run.oci.hooks.stdout', 'run.oci.handler', 'cdi.k8s.io/vendor'],
      ...['io.kubernetes.cri.rdt-class', 'com.nvidia.volumes.needed', 'LD_PRELOAD', '_LIBCONTAINER_INITPIPE'],
    ];
    const pairs = names.flatMap((name, index) =>
      values.map(
        (value, each) => [`${name}${each === 0 ? '' : `.${each}`}`, `${token}${value}${index}`] as const,
      ),
    );
    const flags = pairs.flatMap(([name, value]) => [
      ...['--label', `${name}=${value}`, '--annotation', `${name}=${value}`, '-e', `${name}=${value}`],
    ]);
    // As an image has them, and as a client sends them.
    const changes = pairs
      .filter(([, value]) => !value.includes('\n'))
      .flatMap(([name, value]) => ['-c', `LABEL "${name}"=${JSON.stringify(value).replaceAll('$', '\\$')}`]);
    const first = await daemon().dockerOk('create', 'busybox');
    await daemon().dockerOk('commit', ...changes, first, 'labelled');
    for (const run of [flags, []]) {
      const id = await daemon().dockerOk('run', '-d', ...run, 'labelled', 'sleep', '1000');
      await daemon().dockerOk('exec', id, 'true');
      assert.deepEqual(await mentioning(token), []);
      await daemon().dockerOk('rm', '-f', id);
    }
    await assert.rejects(access(marker));
    await daemon().dockerOk('rm', first);
    await daemon().dockerOk('rmi', 'labelled');
  });
});

/** Processes of the host's pid namespace whose command line or environment has the word. */
async function mentioning(word: string): Promise<string[]> {
  const own = await readlink('/proc/self/ns/pid');
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    if (Number(pid) === process.pid) continue;
    const read = (file: string): Promise<string> => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
    const namespace = await readlink(`/proc/${pid}/ns/pid`).catch(() => '');
    if (namespace !== own) continue;
    const text = `${await read('cmdline')}${await read('environ')}`;
    if (text.includes(word)) found.push(text.slice(0, 200));
  }
  return found;
}
