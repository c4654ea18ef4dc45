import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startDaemon, type Daemon } from '../lib/daemon.ts';
import { eventually } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';

describe('SIGHUP', requires('root', 'docker-client', 'busybox', 'nftables', 'overlay', 'unshare'), () => {
  let directory = '';
  let file = '';
  let daemon: Daemon;
  before(async () => {
    directory = await mkdtemp('/tmp/w-reload-');
    file = join(directory, 'daemon.json');
    await writeFile(file, JSON.stringify({ labels: ['a=1'], mtu: 1400 }));
    daemon = await startDaemon(undefined, {
      args: ['--config-file', file, '--max-concurrent-uploads', '7'],
    });
  });
  after(async () => {
    await daemon[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });
  const info = async (template: string): Promise<string> =>
    (await daemon.dockerOk('info', '--format', template)).trim();

  test("takes over docker's list of options, and says so by an event", async () => {
    assert.equal(await info('{{json .Labels}} {{.Debug}}'), '["a=1"] false');
    const running = await daemon.dockerOk('run', '-d', 'busybox', 'sleep', '300');
    await writeFile(
      file,
      JSON.stringify({
        ...{ labels: ['b=2'], debug: true, 'registry-mirrors': ['https://mirror.example'] },
        ...{ 'insecure-registries': ['reg.example:5000'], 'max-concurrent-uploads': 2, mtu: 1300 },
      }),
    );
    process.kill(daemon.pid, 'SIGHUP');
    await eventually('the labels are new', async () => (await info('{{json .Labels}}')) === '["b=2"]');
    assert.equal(
      await info('{{.Debug}} {{json .RegistryConfig.Mirrors}}'),
      'true ["https://mirror.example/"]',
    );
    assert.equal(await info('{{(index .RegistryConfig.IndexConfigs "reg.example:5000").Secure}}'), 'false');
    // Docker's client asks for whole seconds: the second of the event has to be over.
    const events = await eventually('the event is told', async () => {
      const told = await daemon.dockerOk(
        ...['events', '--since', '1h', '--until', '0s', '--filter', 'type=daemon', '--format', 'json'],
      );
      return told !== '' && told;
    });
    const { Action, Actor } = JSON.parse(events.trim().split('\n').at(-1) ?? '');
    assert.equal(Action, 'reload');
    assert.equal(Actor.ID, await info('{{.ID}}'));
    assert.equal(Actor.Attributes.labels, '["b=2"]');
    assert.equal(Actor.Attributes['default-runtime'], 'runc');
    assert.equal(Actor.Attributes.runtimes, '');
    assert.equal(Actor.Attributes['max-concurrent-uploads'], '7', 'a flag wins over the file, now as ever');
    assert.equal(Actor.Attributes['registry-mirrors'], '["https://mirror.example/"]');
    await daemon.dockerOk('ps', '--filter', `id=${running.trim()}`);
    await daemon.dockerOk('run', '--rm', '-p', '127.0.0.1::80', 'busybox', 'true');
    assert.match(await daemon.log(), / debug /);
    await daemon.dockerOk('rm', '-f', running.trim());
  });

  test('a file that can not be used changes nothing', async () => {
    const before = await info('{{json .Labels}} {{.Debug}}');
    for (const text of ['{ "labels": [', '{ "no-such-key": 1, "labels": ["c=3"] }']) {
      await writeFile(file, text);
      const told = (await daemon.log()).split('Cannot reload').length;
      process.kill(daemon.pid, 'SIGHUP');
      await eventually('it is told', async () => (await daemon.log()).split('Cannot reload').length > told);
      assert.equal(await info('{{json .Labels}} {{.Debug}}'), before);
    }
    assert.match(await readFile(join(daemon.directory, 'log'), 'utf8'), /no-such-key/);
  });
});
