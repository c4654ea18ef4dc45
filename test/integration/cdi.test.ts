import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { clients, daemonSuite } from '../lib/suite.ts';
import { eventually } from '../lib/process.ts';
import { rest } from '../lib/rest.ts';

const top = await mkdtemp('/tmp/cdi-');
const directories = [join(top, 'first'), join(top, 'second')];

/** Notes its point, its environment and the state that it reads. */
const hook = (hookName: string, file: string): object => ({
  hookName,
  path: '/bin/sh',
  args: ['sh', '-c', `echo "${hookName} $WHO $(sed 's/.*"status": *"\\([a-z]*\\)".*/\\1/')" >> ${file}`],
  env: ['WHO=me', 'PATH=/bin'],
  timeout: 20,
});

const JSON_SPEC = {
  cdiVersion: '0.6.0',
  kind: 'vendor.com/thing',
  containerEdits: { env: ['ALL=yes', 'WHO=all'] },
  devices: [
    {
      name: 'one',
      containerEdits: {
        env: ['WHO=one'],
        deviceNodes: [{ path: '/dev/one', hostPath: '/dev/zero' }],
        mounts: [{ hostPath: top, containerPath: '/thing', options: ['ro', 'nosuid'] }],
        additionalGids: [1234],
      },
    },
    { name: 'two', containerEdits: { deviceNodes: [{ path: '/dev/two', type: 'c', major: 1, minor: 3 }] } },
    // One that no driver has: the cgroup answers before anybody looks for it.
    {
      name: 'read',
      containerEdits: {
        deviceNodes: [{ path: '/dev/read', type: 'c', major: 10, minor: 250, permissions: 'r' }],
      },
    },
    {
      name: 'hooked',
      containerEdits: {
        mounts: [{ hostPath: top, containerPath: '/thing' }],
        hooks: [
          ...['poststop', 'poststart', 'createRuntime', 'prestart', 'createContainer'].map((name) =>
            hook(name, `${top}/trace`),
          ),
          hook('startContainer', '/thing/trace'),
        ],
      },
    },
    {
      name: 'failing',
      containerEdits: {
        hooks: [
          { hookName: 'createContainer', path: '/bin/sh', args: ['sh', '-c', 'echo no luck >&2; exit 3'] },
        ],
      },
    },
    { name: 'resctrl', containerEdits: { intelRdt: {} } },
    { name: 'gone', containerEdits: { deviceNodes: [{ path: '/dev/does-not-exist' }] } },
  ],
};
const YAML_SPEC = `
cdiVersion: "0.5.0"
kind: vendor.com/thing
devices:
  - name: two
    containerEdits:
      env: [FROM=yaml]
`;

daemonSuite(
  'devices of the Container Device Interface',
  (daemon) => {
    before(async () => {
      for (const directory of directories) await mkdir(directory);
      await writeFile(join(directories[0] ?? '', 'thing.json'), JSON.stringify(JSON_SPEC));
      await writeFile(join(directories[0] ?? '', 'broken.json'), '{"kind": 5}');
      await writeFile(join(top, 'here'), '');
    });
    after(() => rm(top, { recursive: true, force: true }));

    for (const client of clients) {
      const run = (...args: string[]): Promise<string> => daemon().runOk(client, 'run', '--rm', ...args);

      test(`${client}: a device brings its node, variables, mounts and groups`, async () => {
        const look = 'head -c 1 /dev/one | wc -c; echo $ALL $WHO; ls /thing; id -G; touch /thing/x 2>&1';
        const seen = (
          await run('--device', 'vendor.com/thing=one', 'busybox', 'sh', '-c', `${look}; true`)
        ).split('\n');
        assert.deepEqual(seen.slice(0, 2), ['1', 'yes one']);
        assert.ok(seen.includes('here'), seen.join());
        assert.ok(
          seen.some((line) => line.split(' ').includes('1234')),
          seen.join(),
        );
        assert.ok(
          seen.some((line) => /Read-only file system/.test(line)),
          seen.join(),
        );
      });
    }

    const start = async (request: object): Promise<[number, string]> => {
      const body = { Image: 'busybox', Cmd: ['true'], HostConfig: { DeviceRequests: [request] } };
      const made = await rest(daemon().socket, 'POST', { path: '/containers/create', body });
      const path = `/containers/${made.json<{ Id: string }>().Id}/start`;
      const answer = await rest(daemon().socket, 'POST', { path });
      return [answer.status, answer.text === '' ? '' : answer.json<{ message: string }>().message];
    };

    test('what a device may not, or can not, is said', async () => {
      const script = 'echo > /dev/read; cat /dev/read';
      const open = ['run', '--rm', '--device', 'vendor.com/thing=read', 'busybox', 'sh', '-c', script];
      const [write = '', read = ''] = (await daemon().docker(...open)).stderr.split('\n');
      assert.match(write, /Operation not permitted/);
      assert.match(read, /No such device/);
      const failed = 'CDI device injection failed: ';
      const cases: readonly (readonly [string, string])[] = [
        ['vendor.com/thing=none', 'unresolvable CDI devices vendor.com/thing=none'],
        ['vendor.com/thing=resctrl', 'intelRdt is not supported'],
        [
          'vendor.com/thing=gone',
          'failed to stat CDI host device "/dev/does-not-exist": no such file or directory',
        ],
      ];
      for (const [name, message] of cases)
        assert.deepEqual(await start({ Driver: 'cdi', DeviceIDs: [name] }), [500, `${failed}${message}`]);
      assert.deepEqual(await start({ Driver: 'cdi', Count: 1 }), [
        400,
        'unexpected count in CDI device request',
      ]);
    });

    test('hooks run at their six points, and the container is like any other', async () => {
      const trace = (): Promise<string[]> =>
        readFile(join(top, 'trace'), 'utf8').then((text) => text.trimEnd().split('\n'));
      const flags = ['--device', 'vendor.com/thing=hooked', '--init', '-m', '64m'];
      const script = 'echo said; cat /thing/trace; sleep 1000';
      const id = await daemon().dockerOk('run', '-d', ...flags, 'busybox', 'sh', '-c', script);
      const before = ['prestart', 'createRuntime', 'createContainer'].map((name) => `${name} me creating`);
      const inside = [...before, 'startContainer me created'];
      await eventually('it works', async () => (await daemon().dockerOk('logs', id)).includes('startC'));
      assert.equal(await daemon().dockerOk('logs', id), ['said', ...inside].join('\n'));
      assert.deepEqual(await trace(), [...inside, 'poststart me running']);
      assert.equal(await daemon().dockerOk('exec', id, 'cat', '/proc/1/comm'), 'docker-init');
      await daemon().kill9();
      await daemon().restart();
      await daemon().dockerOk('exec', id, 'test', '-e', '/thing/here');
      await daemon().dockerOk('restart', '-t', '0', id);
      const once = [...inside, 'poststart me running', 'poststop me stopped'];
      assert.deepEqual(await trace(), [...once, ...inside, 'poststart me running']);
      await daemon().dockerOk('rm', '-f', id);
      assert.deepEqual(await trace(), [...once, ...once]);
    });

    test('a hook that fails is told, and its container does not start', async () => {
      const failed = await daemon().docker('run', '--device', 'vendor.com/thing=failing', 'busybox', 'true');
      assert.equal(failed.code, 125, failed.stderr);
      assert.match(failed.stderr, /error running createContainer hook #0: exit status 3.* no luck/);
    });

    test("a node without an owner is its user's, with everybody's mode; a word that is not known is no device", async () => {
      const look = ['busybox', 'stat', '-c', '%u:%g %a', '/dev/one'];
      const flags = ['--rm', '-u', '1000:2000', '--device', 'vendor.com/thing=one'];
      assert.equal(await daemon().dockerOk('run', ...flags, ...look), '1000:2000 666');
      const odd = { ...JSON_SPEC, kind: 'vendor.com/odd', containerEdits: { environment: ['A=1'] } };
      await writeFile(join(directories[0] ?? '', 'odd.json'), JSON.stringify(odd));
      const refused = await start({ Driver: 'cdi', DeviceIDs: ['vendor.com/odd=one'] });
      assert.match(refused[1], /unresolvable CDI devices vendor.com\/odd=one$/);
      assert.match(await daemon().log(), /Cannot read a description of devices .*odd\.json/);
      await rm(join(directories[0] ?? '', 'odd.json'));
    });

    test('for GPUs there is no driver', async () => {
      const { code, stderr } = await daemon().docker('run', '--rm', '--gpus', 'all', 'busybox', 'true');
      assert.equal(code, 125);
      assert.match(stderr, /could not select device driver "" with capabilities: \[\[gpu\]\]/);
    });

    test('a later directory wins; info names what there is', async () => {
      const env = () =>
        daemon().dockerOk(
          'run',
          '--rm',
          '--device',
          'vendor.com/thing=two',
          'busybox',
          'sh',
          '-c',
          'echo $ALL $FROM',
        );
      assert.equal(await env(), 'yes');
      await writeFile(join(directories[1] ?? '', 'thing.yaml'), YAML_SPEC);
      assert.equal(await env(), 'yaml');
      const info = (await rest(daemon().socket, 'GET', { path: '/info' })).json<{
        CDISpecDirs: string[];
        DiscoveredDevices: { Source: string; ID: string }[];
      }>();
      assert.deepEqual(info.CDISpecDirs, directories);
      assert.deepEqual(info.DiscoveredDevices[0], { Source: 'cdi', ID: 'vendor.com/thing=one' });
    });
  },
  { args: directories.flatMap((directory) => ['--cdi-spec-dir', directory]) },
);
