import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { eventually } from '../lib/process.ts';
import { rest } from '../lib/rest.ts';
import { daemonSuite } from '../lib/suite.ts';
import { startVolumePlugin, type VolumePlugin } from '../lib/volume-plugin.ts';

const directory = await mkdtemp('/tmp/wp-');

daemonSuite(
  'volume plugins',
  (daemon) => {
    let plugin: VolumePlugin | undefined;
    const present = (): VolumePlugin => {
      assert.ok(plugin !== undefined);
      return plugin;
    };
    before(async () => {
      await mkdir(join(directory, 'volumes'));
      plugin = await startVolumePlugin(join(directory, 'tp.sock'), join(directory, 'volumes'));
      await writeFile(join(directory, 'byspec.spec'), `unix://${join(directory, 'tp.sock')}\n`);
      await writeFile(join(directory, 'gone.spec'), `unix://${join(directory, 'nobody.sock')}`);
    });
    after(async () => {
      await plugin?.[Symbol.asyncDispose]();
      await rm(directory, { recursive: true });
    });

    test('its volumes are made, mounted while a container runs, filled, listed and removed', async () => {
      await daemon().dockerOk('volume', 'create', '-d', 'tp', '-o', 'a=b', 'pv');
      assert.deepEqual(present().calls.slice(0, 2), ['Plugin.Activate', 'VolumeDriver.Capabilities']);
      const [shown] = JSON.parse(await daemon().dockerOk('volume', 'inspect', 'pv')) as Record<
        string,
        unknown
      >[];
      assert.deepEqual(
        [shown?.['Driver'], shown?.['Scope'], shown?.['Status'], shown?.['Options']],
        ['tp', 'global', { kind: 'test' }, { a: 'b' }],
      );
      const id = await daemon().dockerOk('run', '-d', '-v', 'pv:/etc', 'busybox', 'sleep', '1000');
      assert.deepEqual([...(present().mounted.get('pv') ?? [])], [id]);
      assert.equal(
        await daemon().dockerOk('run', '--rm', '-v', 'pv:/d', 'busybox', 'ls', '/d/passwd'),
        '/d/passwd',
      );
      const mount = await daemon().dockerOk(
        'inspect',
        '-f',
        '{{range .Mounts}}{{.Driver}} {{.Name}} [{{.Mode}}]{{end}}',
        id,
      );
      assert.equal(mount, 'tp pv []');
      await daemon().dockerOk('rm', '-f', id);
      await eventually('nobody has it mounted', () => present().mounted.get('pv')?.size === 0);
      assert.equal(await daemon().dockerOk('volume', 'ls', '-q', '-f', 'driver=tp'), 'pv');
      await daemon().dockerOk('volume', 'rm', 'pv');
      assert.ok(present().calls.includes('VolumeDriver.Remove pv'));
    });

    test('the driver of a run, and a plugin that is told of by a specification', async () => {
      await daemon().dockerOk(
        'run',
        '--rm',
        '--volume-driver',
        'byspec',
        '-v',
        'sv:/d',
        'busybox',
        'touch',
        '/d/f',
      );
      assert.equal(await daemon().dockerOk('volume', 'inspect', '-f', '{{.Driver}}', 'sv'), 'byspec');
      const { stderr } = await daemon().docker('volume', 'create', 'sv', '-d', 'local');
      assert.match(stderr, /create sv: driver 'byspec' already has volume 'sv': volume name must be unique/);
      await daemon().dockerOk('volume', 'rm', 'sv');
    });

    test('what it refuses is told, and leaves nothing', async () => {
      present().refuse.set('VolumeDriver.Create', 'the pool is full');
      const created = await daemon().docker('volume', 'create', '-d', 'tp', 'no');
      assert.match(created.stderr, /create no: VolumeDriver.Create: the pool is full/);
      present().refuse.clear();
      await daemon().dockerOk('volume', 'create', '-d', 'tp', 'mv');
      present().refuse.set('VolumeDriver.Mount', 'no path to the storage');
      const { stderr, code } = await daemon().docker('run', '--rm', '-v', 'mv:/d', 'busybox', 'true');
      assert.equal(code, 125);
      assert.match(stderr, /VolumeDriver.Mount: no path to the storage/);
      present().refuse.clear();
      await daemon().dockerOk('volume', 'rm', 'mv');
      const { stderr: missing } = await daemon().docker('volume', 'create', '-d', 'nobody', 'xx');
      assert.match(missing, /error looking up volume plugin nobody: plugin "nobody" not found/);
    });

    test('one that hangs holds nobody but who asks for it', async () => {
      present().hang.add('VolumeDriver.List');
      const listing = rest(daemon().socket, 'GET', { path: '/volumes' });
      assert.equal(
        await daemon().dockerOk('run', '--rm', '-v', 'lv:/d', 'busybox', 'echo', 'works'),
        'works',
      );
      const answer = (await listing).json<{ Volumes: unknown[]; Warnings: string[] }>();
      assert.match(answer.Warnings.join(), /plugin "tp": VolumeDriver.List: it does not answer/);
      present().hang.clear();
      await daemon().dockerOk('volume', 'rm', 'lv');
    });

    test('one that is killed: the volume goes by force', async () => {
      await daemon().dockerOk('volume', 'create', '-d', 'byspec', 'orphan');
      await plugin?.[Symbol.asyncDispose]();
      const { stderr } = await daemon().docker('volume', 'rm', 'orphan');
      assert.match(stderr, /remove orphan: plugin "byspec": VolumeDriver.Remove: /);
      await daemon().dockerOk('volume', 'rm', '-f', 'orphan');
      plugin = undefined;
    });
  },
  { args: ['--plugin-dir', directory] },
);
