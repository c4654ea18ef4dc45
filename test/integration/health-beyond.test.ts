import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ended, eventually, execOk, start } from '../lib/process.ts';
import { dockerPython } from '../lib/requires.ts';
import { rest } from '../lib/rest.ts';
import { daemonSuite } from '../lib/suite.ts';

const FAST = ['--health-interval', '50ms', '--health-timeout', '20s', '--health-retries', '2'];
/** Serves /www on 8080; a page that is not there is 404. */
const SERVER = 'mkdir -p /www; echo fine > /www/ok; mkdir /www/sub; exec httpd -f -p 8080 -h /www';

interface Health {
  readonly Status: string;
  readonly FailingStreak: number;
  readonly Log: { readonly ExitCode: number; readonly Output: string }[];
  readonly OnUnhealthy?: object;
}

/** What docker has not. */
daemonSuite(
  'healthchecks, beyond docker',
  (daemon) => {
    const run = (...args: string[]): Promise<string> => daemon().wherryOk('run', '-d', ...args);
    const healthOf = async (id: string): Promise<Health> =>
      JSON.parse(await daemon().wherryOk('inspect', '-f', '{{json .State.Health}}', id)) as Health;
    const becomes = (id: string, status: string): Promise<Health> =>
      eventually(`${id} is ${status}`, async () => {
        const health = await healthOf(id);
        return health.Status === status ? health : undefined;
      });
    const inspected = (id: string, format: string): Promise<string> =>
      daemon().dockerOk('inspect', '-f', format, id);
    const actionsOf = async (id: string): Promise<string[]> => {
      const until = String(Date.now() / 1000 + 0.2);
      const args = ['--since', '0', '--until', until, '-f', `container=${id}`, '--format', '{{.Action}}'];
      return (await daemon().dockerOk('events', ...args)).split('\n');
    };

    /** A program of the host in a container's network. */
    const serveIn = async (id: string): Promise<ChildProcess> => {
      const net = `--net=/proc/${await inspected(id, '{{.State.Pid}}')}/ns/net`;
      const program = fileURLToPath(new URL('../lib/grpc-health.ts', import.meta.url));
      return start(['nsenter', net, '--', process.execPath, program, '50051'], { stdio: 'ignore' });
    };

    for (const network of ['bridge', 'none', 'host']) {
      test(`http and tcp on the network ${network}, without a process`, async () => {
        const page = await run(
          '--network',
          network,
          '--health-http',
          'http://:8080/ok',
          ...FAST,
          'busybox',
          'sh',
          '-c',
          SERVER,
        );
        const { Log } = await becomes(page, 'healthy');
        assert.equal(Log.at(-1)?.Output, 'GET http://:8080/ok: 200 OK\nfine\n');
        const port = await daemon().dockerOk(
          'run',
          '-d',
          '--network',
          network,
          '--label',
          `wherry.health.tcp=localhost:${network === 'host' ? 8080 : 1}`,
          ...FAST,
          'busybox',
          'sleep',
          '1000',
        );
        const last = (await becomes(port, network === 'host' ? 'healthy' : 'unhealthy')).Log.at(-1);
        assert.equal(last?.Output, network === 'host' ? '' : '127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1');
        await daemon().dockerOk('exec', page, 'rm', '/www/ok');
        const { Log: ill } = await becomes(page, 'unhealthy');
        assert.match(ill.at(-1)?.Output ?? '', /^GET http:\/\/:8080\/ok: 404 Not Found\n/);
        assert.ok(!(await actionsOf(page)).some((action) => action.startsWith('exec_create: /')));
      });
    }

    test('gRPC, of the server and of one of its services', async () => {
      const ids = {
        whole: await run('--health-grpc', ':50051', ...FAST, 'busybox', 'sleep', '1000'),
        well: await daemon().dockerOk(
          ...['run', '-d', '--label', 'wherry.health.grpc=grpc://localhost:50051/a.Well'],
          ...[...FAST, 'busybox', 'sleep', '1000'],
        ),
        ill: await run('--health-grpc', ':50051/a.Ill', ...FAST, 'busybox', 'sleep', '1000'),
      };
      const refused = (await becomes(ids.whole, 'unhealthy')).Log.at(-1);
      assert.equal(refused?.Output, 'Check :50051: connect ECONNREFUSED 127.0.0.1:50051');
      const servers = await Promise.all(Object.values(ids).map(serveIn));
      try {
        assert.equal((await becomes(ids.whole, 'healthy')).Log.at(-1)?.Output, 'Check :50051: SERVING');
        await becomes(ids.well, 'healthy');
        await eventually('it was asked', async () =>
          (await healthOf(ids.ill)).Log.some(({ Output }) => Output === 'Check :50051/a.Ill: NOT_SERVING'),
        );
        await becomes(ids.ill, 'unhealthy');
        assert.ok(!(await actionsOf(ids.well)).some((action) => action.startsWith('exec_create: ')));
      } finally {
        for (const server of servers) server.kill('SIGKILL');
        await Promise.all(servers.map(ended));
      }
      assert.match(await daemon().wherryOk('export-run', ids.ill), / --health-grpc :50051\/a\.Ill /);
    });

    test('a redirect is healthy, and is not followed; a server that never answers is not', async () => {
      const there = await run(
        '--health-http',
        'http://127.0.0.1:8080/sub',
        ...FAST,
        'busybox',
        'sh',
        '-c',
        SERVER,
      );
      const { Log } = await becomes(there, 'healthy');
      assert.match(Log.at(-1)?.Output ?? '', /: 302 /);
      const mute = await run(
        '--health-http',
        'http://:99/',
        '--health-interval',
        '50ms',
        '--health-timeout',
        '300ms',
        '--health-retries',
        '1',
        'busybox',
        'sh',
        '-c',
        'while :; do nc -l -p 99 -e sleep 1000; done',
      );
      const late = await eventually('it was too late once', async () =>
        (await healthOf(mute)).Log.find(({ ExitCode }) => ExitCode === -1),
      );
      assert.equal(late.Output, 'Health check exceeded timeout (300ms)');
      await becomes(mute, 'unhealthy');
    });

    test('wait --healthy', async () => {
      const id = await run('--health-cmd', 'cat /up', ...FAST, 'busybox', 'sleep', '1000');
      const waiting = daemon().wherry('wait', '--healthy', id);
      await eventually('it is not healthy yet', async () => (await healthOf(id)).Log.length > 0);
      await daemon().dockerOk('exec', id, 'touch', '/up');
      assert.deepEqual(await waiting, { code: 0, stdout: '0\n', stderr: '' });
      assert.equal(await daemon().wherryOk('wait', '--healthy', id), '0');

      const dies = await run('--health-cmd', 'false', ...FAST, 'busybox', 'sh', '-c', 'sleep 0.5; exit 7');
      const failed = await daemon().wherry('wait', '--healthy', dies);
      assert.equal(failed.code, 1);
      assert.equal(failed.stdout, '7\n');
      assert.match(failed.stderr, /the container ended before it was healthy/);
      assert.equal((await daemon().wherry('wait', '--healthy', dies)).stdout, '7\n');

      const none = await run('busybox', 'sleep', '1000');
      assert.match((await daemon().wherry('wait', '--healthy', none)).stderr, /has no healthcheck/);
      const wrong = await rest(daemon().socket, 'POST', { path: `/containers/${none}/wait?condition=well` });
      assert.deepEqual([wrong.status, wrong.json()], [400, { message: 'invalid condition: "well"' }]);

      const later = await daemon().dockerOk(
        'create',
        '--health-cmd',
        'true',
        ...FAST,
        'busybox',
        'sleep',
        '1000',
      );
      const early = daemon().wherry('wait', '--healthy', later);
      await daemon().dockerOk('start', later);
      assert.equal((await early).stdout, '0\n');
    });

    test('an unhealthy container is restarted, as often as its budget allows', async () => {
      const id = await run(
        '--health-cmd',
        'cat /sick && exit 1 || exit 0',
        ...FAST,
        '--on-unhealthy',
        'restart:max=2,window=1h,cooldown=0s',
        '--stop-timeout',
        '0',
        'busybox',
        'sleep',
        '1000',
      );
      assert.deepEqual((await healthOf(id)).OnUnhealthy, {
        Action: 'restart',
        Max: 2,
        Window: 3600e9,
        Cooldown: 0,
      });
      await becomes(id, 'healthy');
      const first = await inspected(id, '{{.State.StartedAt}}');
      await daemon().dockerOk('exec', id, 'touch', '/sick');
      await eventually('its budget is used up', async () =>
        (await actionsOf(id)).includes('health_action: exhausted'),
      );
      const actions = await actionsOf(id);
      assert.equal(actions.filter((action) => action === 'health_action: restart').length, 2);
      assert.equal(actions.filter((action) => action === 'restart').length, 2);
      assert.equal((await healthOf(id)).Status, 'unhealthy');
      assert.notEqual(await inspected(id, '{{.State.StartedAt}}'), first);
      assert.equal(await inspected(id, '{{.State.Status}}'), 'running');
    });

    test('an unhealthy container is killed; what is not understood is refused', async () => {
      const id = await daemon().dockerOk(
        'run',
        '-d',
        '--health-cmd',
        'false',
        ...FAST,
        '--label',
        'wherry.on-unhealthy=kill',
        'busybox',
        'sleep',
        '1000',
      );
      await eventually('it has ended', async () => (await inspected(id, '{{.State.Status}}')) === 'exited');
      assert.equal(await inspected(id, '{{.State.ExitCode}}'), '137');
      const refused = await daemon().wherry('create', '--on-unhealthy', 'reboot', 'busybox');
      assert.match(refused.stderr, /Invalid wherry.on-unhealthy "reboot": expected none, restart or kill/);
      assert.match(
        (await daemon().wherry('create', '--health-http', 'ftp://x', 'busybox')).stderr,
        /Invalid healthcheck URL "ftp:\/\/x"/,
      );
      const both = await daemon().wherry('create', '--no-healthcheck', '--health-cmd', 'x', 'busybox');
      assert.match(both.stderr, /--no-healthcheck conflicts with --health-\* options/);
    });

    test('one that is killed has failed, for its restart policy', async () => {
      const flags = [
        '--health-cmd',
        'false',
        ...FAST,
        '--on-unhealthy',
        'kill:max=2,cooldown=0s',
        '--restart',
        'on-failure:5',
      ];
      const id = await run(...flags, 'busybox', 'sleep', '1000');
      await eventually(
        'it was started again, twice',
        async () => (await inspected(id, '{{.RestartCount}}')) === '2',
      );
      await eventually('its budget is used up', async () =>
        (await actionsOf(id)).includes('health_action: exhausted'),
      );
      assert.equal(await inspected(id, '{{.State.Status}}'), 'running');
    });

    test('no probe in a paused container, and again when it goes on', async () => {
      const id = await run('--health-cmd', 'echo x', ...FAST, 'busybox', 'sleep', '1000');
      await becomes(id, 'healthy');
      await daemon().dockerOk('pause', id);
      const { Log } = await healthOf(id);
      assert.equal((await healthOf(id)).Status, 'unhealthy');
      assert.match(await daemon().dockerOk('ps', '--format', '{{.Status}}'), /\(Paused\)$/);
      await new Promise((resolve) => setTimeout(resolve, 300));
      assert.deepEqual((await healthOf(id)).Log, Log);
      await daemon().dockerOk('unpause', id);
      assert.equal((await healthOf(id)).Status, 'healthy');
      await eventually(
        'it is looked after again',
        async () => (await healthOf(id)).Log.at(-1) !== Log.at(-1),
      );
    });

    test('docker-py sees the same', async () => {
      const script = `
import docker, sys, time
client = docker.DockerClient(base_url=sys.argv[1], version='auto', timeout=20)
c = client.containers.run('busybox', ['sleep', '1000'], detach=True,
    healthcheck={'test': ['CMD', 'true'], 'interval': 50 * 10**6, 'retries': 2})
c.reload()
while c.health != 'healthy':
    assert c.health == 'starting', c.health
    time.sleep(0.05)
    c.reload()
assert c.attrs['State']['Health']['Log'][0]['ExitCode'] == 0
assert [x.id for x in client.containers.list(filters={'health': 'healthy'})] == [c.id]
c.remove(force=True)
print('all good')
`;
      const argv = [dockerPython() ?? 'python3', '-c', script, `unix://${daemon().socket}`];
      assert.equal(await execOk(argv, { cwd: '/' }), 'all good');
    });
  },
  { needs: ['docker-py'] },
);
