import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { busyboxArchive } from '../lib/busybox.ts';
import { applyTwice, buildLikeBuildkit } from '../lib/containerd-clients/buildkit.ts';
import { runLikeNerdctl } from '../lib/containerd-clients/nerdctl.ts';
import { startBeside } from '../lib/ctr.ts';
import { removeCgroups } from '../lib/owned.ts';
import { requires } from '../lib/requires.ts';

const NEEDS = requires('root', 'containerd', 'ctr', 'unshare', 'busybox', 'overlay');

/** Programs that are linked with containerd's client library ask for more than ctr does: the same calls, of us and of a real containerd. */
describe("clients of containerd's API learn the same from us as from a real containerd", NEEDS, () => {
  test('a build, as by buildkit', async (t) => {
    const { addresses } = await startBeside(t, { busybox: false });
    const expected = await buildLikeBuildkit(addresses.theirs, 'buildkit');
    assert.deepEqual(await buildLikeBuildkit(addresses.ours, 'buildkit'), expected);
  });

  test('any number of layers in one snapshot', async (t) => {
    const { addresses, run, ours, bench } = await startBeside(t, { busybox: false });
    const expected = await applyTwice(addresses.theirs, 'default');
    assert.deepEqual(await applyTwice(addresses.ours, 'default'), expected);
    await run('snapshots info squashed');
    await run('snapshots view seen squashed');
    const target = join(bench.directory, 'm');
    const { stdout: mounts } = await ours('snapshots', 'mounts', target, 'seen');
    const seen = await bench.run([
      'sh',
      '-c',
      `mkdir ${target}; ${mounts}\ncat ${target}/*/file; umount ${target}`,
    ]);
    assert.equal(seen.stdout, 'of oneof threeof two');
  });

  test('a container, as by nerdctl', async (t) => {
    const { addresses, bench, ours, theirs } = await startBeside(t, { busybox: false });
    const archive = join(bench.directory, 'busybox.tar');
    await writeFile(archive, await busyboxArchive());
    const answers: unknown[] = [];
    for (const [name, ask] of Object.entries({ theirs, ours })) {
      // On one host both would put it into one cgroup.
      const namespace = `of-${name}-${process.pid}`;
      t.after(() => removeCgroups(`/${namespace}`));
      assert.equal((await ask('-n', namespace, 'images', 'import', archive)).code, 0);
      const { stdout } = await ask('-n', namespace, 'snapshots', 'ls');
      const spec = JSON.parse((await bench.run(['ctr', '-n', namespace, 'oci', 'spec'])).stdout) as Spec;
      spec.process.args = ['/bin/echo', 'from the container'];
      spec.linux.cgroupsPath = `/${namespace}/box`;
      const output = join(bench.directory, `${name}.log`);
      await writeFile(output, '');
      const answer = await runLikeNerdctl(addresses[name as keyof typeof addresses], namespace, {
        ...{ parent: /sha256:\w+/.exec(stdout)?.[0] ?? '', spec: JSON.stringify(spec), output },
      });
      answers.push(JSON.parse(JSON.stringify(answer).replaceAll(name, '')));
      assert.equal(await readFile(output, 'utf8'), 'from the container\n');
    }
    assert.deepEqual(answers[1], answers[0]);
  });
});

interface Spec {
  readonly process: { args?: string[] };
  readonly linux: { cgroupsPath?: string };
}
