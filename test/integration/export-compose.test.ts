import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { exec } from '../lib/process.ts';
import { findProgram } from '../lib/requires.ts';
import { daemonSuite } from '../lib/suite.ts';

const MINUTES_MS = 180_000;

daemonSuite(
  'wherry export-run --compose',
  (daemon) => {
    /** What a container was made with, without what a new one has of its own. */
    const shown = async (name: string): Promise<unknown> => {
      const text = await daemon().wherryOk('inspect', '-f', '{{json .}}', name);
      const { Id, Config, HostConfig, Mounts, NetworkSettings } = JSON.parse(text) as {
        Id: string;
        Config: Record<string, unknown> & { Labels: Record<string, string>; Env: string[] };
        HostConfig: Record<string, unknown>;
        Mounts: { Type: string; Name?: string; Destination: string; RW: boolean }[];
        NetworkSettings: { Networks: Record<string, { Aliases: string[] | null; IPAMConfig: unknown }> };
      };
      const labels = Object.entries(Config.Labels).filter(([key]) => !key.startsWith('com.docker.compose.'));
      const short = Id.slice(0, 12);
      return {
        Config: {
          ...plain(Config),
          // Compose 1.29 lists every volume there, docker's client those without a name; `Mounts` tells them apart.
          Volumes: '',
          Env: Config.Env.toSorted(),
          Labels: Object.fromEntries(labels.filter(([key]) => key !== 'wherry.restart-backoff')),
          Hostname: Config['Hostname'] === short ? '' : Config['Hostname'],
          AttachStdout: '',
          AttachStderr: '',
        },
        HostConfig: { ...plain(HostConfig), Binds: '', VolumesFrom: '', NetworkMode: '' },
        Mounts: Mounts.map(({ Type, Name = '', Destination, RW }) =>
          [Type, Name.length === 64 ? '' : Name, Destination, RW].join(' '),
        ).toSorted(),
        Networks: Object.entries(NetworkSettings.Networks).map(([name, { Aliases, IPAMConfig }]) => [
          name,
          (Aliases ?? []).filter(
            (alias) => alias !== short && !['web', 'db', 'job', 'beside'].includes(alias),
          ),
          IPAMConfig === null ? {} : plain(IPAMConfig as Record<string, unknown>),
        ]),
      };
    };

    test('docker-compose makes the same containers of it', async () => {
      await daemon().dockerOk('network', 'create', '--subnet', '10.94.0.0/24', '--label', 'of=us', 'harbour');
      await daemon().dockerOk('volume', 'create', '--label', 'v=w', 'hold');
      const create = (name: string, ...words: string[]): Promise<string> =>
        daemon().wherryOk('create', '--name', name, ...words);
      await create(
        ...([
          'db',
          '--network',
          'name=harbour,ip=10.94.0.50,alias=store',
          '-v',
          'hold:/data',
          '-v',
          '/anon',
        ] as const),
        ...[
          '-e',
          'GREETING=it costs $5 ${x}',
          '--label',
          'a=b $c',
          '--health-cmd',
          'test -d /data',
          '-m',
          '64m',
        ],
        ...[
          '--health-interval',
          '500ms',
          '--restart',
          'on-failure:3',
          '--restart-backoff',
          'min=200ms,max=1m',
        ],
        ...['--ulimit', 'nofile=64:128', '--stop-signal', 'KILL', '--stop-timeout', '3', '--cpus', '0.5'],
        ...['busybox', 'sh', '-c', 'echo $GREETING; sleep 1000'],
      );
      await create(
        ...(['job', '--network', 'none', '--read-only', '--user', '1:2', '--cap-drop', 'ALL'] as const),
        ...['--tmpfs', '/scratch:size=1m', '--sysctl', 'net.ipv4.ip_forward=1', 'busybox', 'true'],
      );
      await create(
        ...([
          'web',
          '--network',
          'harbour',
          '-p',
          '127.0.0.1:18193:80',
          '-p',
          '81/udp',
          '--hostname',
          'quay',
        ] as const),
        ...[
          '--after',
          'db:healthy,job:completed',
          '--log-opt',
          'max-size=2m',
          '--init',
          '--cap-add',
          'NET_ADMIN',
        ],
        ...[
          '-v',
          '/tmp:/host:ro',
          '--mount',
          'type=tmpfs,target=/m,tmpfs-size=1048576',
          '--stop-signal',
          'KILL',
        ],
        ...['--device', '/dev/null:/dev/nothing:rw', '--dns', '9.9.9.9', '--add-host', 'x:10.0.0.9'],
        ...['--security-opt', 'no-new-privileges', '--entrypoint', 'sleep', 'busybox', '1000'],
      );
      await create(
        'beside',
        '--network',
        'container:web',
        '--volumes-from',
        'db:ro',
        'busybox',
        'sleep',
        '1000',
      );
      const names = ['db', 'job', 'web', 'beside'];
      const before = await Promise.all(names.map(shown));
      const { stdout, stderr, code } = await daemon().wherry('export-run', '--compose', ...names);
      assert.deepEqual([code, stderr], [0, '']);
      assert.match(
        stdout,
        /depends_on:\n {6}db:\n {8}condition: service_healthy\n {6}job:\n {8}condition: service_completed_successfully/,
      );
      await daemon().dockerOk('rm', '-fv', ...names);
      await daemon().dockerOk('volume', 'rm', 'hold');
      await daemon().dockerOk('network', 'rm', 'harbour');
      await writeFile(join(daemon().directory, 'docker-compose.yml'), stdout);
      const compose = (...args: string[]) =>
        exec([findProgram('docker-compose') ?? '', '--ansi', 'never', '-p', 'again', ...args], {
          cwd: daemon().directory,
          env: { ...process.env, DOCKER_HOST: `unix://${daemon().socket}` },
          timeoutMs: MINUTES_MS,
        });
      const up = await compose('up', '-d');
      assert.equal(up.code, 0, `${stdout}\n${up.stdout}${up.stderr}`);
      assert.deepEqual(await Promise.all(names.map(shown)), before, stdout);
      assert.equal(await daemon().dockerOk('logs', 'db'), 'it costs $5 ${x}');
      const subnet = [
        'network',
        'inspect',
        '-f',
        '{{(index .IPAM.Config 0).Subnet}} {{.Labels.of}}',
        'harbour',
      ];
      assert.equal(await daemon().dockerOk(...subnet), '10.94.0.0/24 us');
      assert.equal(await daemon().dockerOk('volume', 'inspect', '-f', '{{.Labels.v}}', 'hold'), 'w');
      // What compose lists twice is mounted once.
      const again = await daemon().wherryOk('export-run', '--compose', ...names);
      assert.match(again, /volumes:\n {6}- hold:\/data:rw\n {6}- \/anon\n/);
      // Python's sets, which compose asks for aliases from, have another order each time.
      assert.match(again, /aliases:\n( {10}- db\n {10}- store| {10}- store\n {10}- db)\n/);
      const down = await compose('down', '-v', '-t', '0');
      assert.equal(down.code, 0, down.stderr);
      await daemon().mark();
    });

    test('what compose has no words for is told', async () => {
      await daemon().wherryOk(
        'create',
        '--name',
        'odd',
        '-P',
        '--uts',
        'host',
        '--annotation',
        'a=b',
        'busybox',
      );
      const { stderr, stdout } = await daemon().wherry('export-run', '--compose', 'odd');
      for (const flag of ['--publish-all', '--uts', '--annotation'])
        assert.match(stderr, new RegExp(`WARNING: odd: compose has no word for ${flag}`));
      assert.match(stdout, /^services:\n {2}odd:\n {4}container_name: odd\n {4}image: busybox\n/);
      assert.match((await daemon().wherry('export-run', '--compose', 'nobody')).stderr, /No such container/);
      assert.match((await daemon().wherry('export-run', 'odd', 'odd')).stderr, /requires 1 argument/);
    });
  },
  { needs: ['docker-compose'] },
);

/** An empty list and none ask for the same. */
const plain = (fields: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(fields).filter(
      ([, value]) => value !== null && !(typeof value === 'object' && Object.keys(value).length === 0),
    ),
  );
