import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { startBeside } from '../lib/ctr.ts';
import { eventually } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';

/** What containerd's API only names: namespaces, containers without tasks, events. */
describe("ctr against containerd's API", requires('root', 'containerd', 'ctr', 'unshare', 'busybox'), () => {
  test('namespaces and containers are what a real containerd has of them', async (t) => {
    const { run, same, ours, daemon, bench } = await startBeside(t, { busybox: false });
    for (const command of [
      'namespaces create one color=blue',
      'namespaces create one',
      'namespaces create /bad',
      'namespaces label one color=red shape=round',
      'namespaces label one color=',
      'namespaces rm none',
      '-n one containers ls',
      '-n /bad containers ls',
      '-n one containers info none',
    ])
      await run(command);
    assert.match((await ours('namespaces', 'ls', '-q')).stdout, /^moby\none\n$/);
    // With a spec of one's own it needs no image.
    const spec = join(bench.directory, 'spec.json');
    await bench.run(['sh', '-c', `ctr oci spec > ${spec}`]);
    for (const command of [
      `-n one containers create --config ${spec} --label a=b box`,
      `-n one containers create --config ${spec} box`,
      `-n one containers create --config ${spec} -bad-`,
      '-n one containers label box a=c',
      '-n one containers ls',
      '-n one containers ls labels.a==c',
      '-n one containers ls labels.a==b',
      '-n one containers ls -q id~=^b',
      '-n one containers ls id=b',
      '-n one containers ls id==',
      '-n other containers ls',
      'namespaces rm one',
    ])
      await run(command);
    await same(['-n', 'one', 'containers', 'info', '--spec', 'box']);
    await daemon.kill9();
    await daemon.restart();
    await run('-n one containers info box');
    await run('-n one containers rm box box');
    await run('namespaces rm one');
  });

  test('what docker runs shows in its namespace, with its spec, and can only be changed by docker', async (t) => {
    const { ours, daemon } = await startBeside(t);
    const id = await daemon.dockerOk('run', '-d', '--hostname', 'boat', 'busybox', 'sleep', '60');
    await daemon.dockerOk('create', 'busybox', 'true');
    assert.equal((await ours('-n', 'moby', 'containers', 'ls', '-q')).stdout, `${id}\n`);
    const spec = JSON.parse((await ours('-n', 'moby', 'containers', 'info', '--spec', id)).stdout) as {
      readonly hostname: string;
      readonly process: { readonly args: readonly string[] };
    };
    assert.deepEqual([spec.hostname, spec.process.args], ['boat', ['sleep', '60']]);
    const { code, stderr } = await ours('-n', 'moby', 'containers', 'label', id, 'a=b');
    assert.equal(code, 1);
    assert.match(stderr, /are docker's: use docker's API to change them/);
    assert.equal((await ours('containers', 'ls', '-q')).stdout, '');
  });

  test('events reach who subscribed, as far as their filters let them', async (t) => {
    const { bench, daemon, addresses, ours } = await startBeside(t, { busybox: false });
    const [all, some] = [join(bench.directory, 'all'), join(bench.directory, 'some')];
    bench.daemon(['sh', '-c', `exec ctr -a ${addresses.ours} events > ${all}`]);
    bench.daemon(['sh', '-c', `exec ctr -a ${addresses.ours} events 'event.name==two' > ${some}`]);
    const told = async (file: string): Promise<string> => readFile(file, 'utf8').catch(() => '');
    await eventually('both listen', async () => {
      await ours('namespaces', 'label', 'two', `at=${Date.now()}`);
      return (await told(all)) !== '' && (await told(some)) !== '';
    });
    await ours('namespaces', 'create', 'one', 'a=b');
    await eventually('the event comes', async () => (await told(all)).includes('one'));
    assert.match(await told(all), / default \/namespaces\/create {"name":"one","labels":{"a":"b"}}/);
    assert.doesNotMatch(await told(some), /create/);
    // Who goes leaves nothing.
    assert.ok(daemon.isAlive());
  });
});
