import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { clients, daemonSuite } from '../lib/suite.ts';
import { rest } from '../lib/rest.ts';

const top = await mkdtemp('/tmp/cdi-');
const directories = [join(top, 'first'), join(top, 'second')];

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
    { name: 'hooked', containerEdits: { hooks: [{ hookName: 'createContainer', path: '/bin/x' }] } },
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
        ['vendor.com/thing=hooked', 'the hook "/bin/x" is not supported'],
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
