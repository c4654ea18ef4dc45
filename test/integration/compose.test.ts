import assert from 'node:assert/strict';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { importDebianImages } from '../lib/debian-images.ts';
import { eventually, exec, type Result } from '../lib/process.ts';
import { findProgram } from '../lib/requires.ts';
import { daemonSuite } from '../lib/suite.ts';

const APP = fileURLToPath(new URL('../lib/compose-app', import.meta.url));
const SLOW_MS = 120_000;

/** docker-compose 1.29 and an application of Debian's nginx, PostgreSQL and Redis: test/lib/compose-app. */
daemonSuite(
  'compose',
  (daemon) => {
    const composeWith = (more: NodeJS.ProcessEnv, args: readonly string[]): Promise<Result> => {
      const argv = [
        findProgram('docker-compose') ?? 'docker-compose',
        '--ansi',
        'never',
        '-p',
        'boat',
        ...args,
      ];
      const own = { DOCKER_HOST: `unix://${daemon().socket}`, WEB_PORT: '8088', ...more };
      const env = { ...process.env, ...own };
      return exec(argv, { cwd: join(daemon().directory, 'app'), env, timeoutMs: SLOW_MS });
    };
    const compose = (...args: string[]): Promise<Result> => composeWith({}, args);
    /** Compose makes a container again by fields of its image that docker, too, shows no client of API 1.45 and later. */
    const recreate = { COMPOSE_API_VERSION: '1.44' };
    const ok = async (...args: string[]): Promise<string> => {
      const { code, stdout, stderr } = await compose(...args);
      assert.equal(code, 0, `${args.join(' ')}: ${stdout}${stderr}`);
      return stdout.trimEnd();
    };
    const onHost = (...argv: string[]): Promise<Result> =>
      exec(['nsenter', `--net=/proc/${daemon().netnsPid}/ns/net`, '--', ...argv]);
    const visit = (address = '127.0.0.1:8088'): Promise<string> =>
      eventually(`${address} answers`, async () => {
        const fetched = onHost('busybox', 'wget', '-qO-', `http://${address}/cgi-bin/hit`);
        const { code, stdout } = await fetched.catch(async (cause: unknown) =>
          assert.fail(new Error(await whereItHangs(), { cause })),
        );
        return code === 0 && stdout.trim();
      });
    /** Who waits for whom: processes and connections of every container, and what nginx said last. */
    const whereItHangs = async (): Promise<string> => {
      const script = `docker logs --tail 5 boat_web_1; for c in $(docker ps -q); do
        docker inspect -f '{{.Name}} {{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}' $c; docker top $c -eo pid,stat,wchan,args
        nsenter -t $(docker inspect -f '{{.State.Pid}}' $c) -n busybox netstat -tuan | grep -v TIME_WAIT; done`;
      const env = { ...process.env, DOCKER_HOST: `unix://${daemon().socket}` };
      const { stdout, stderr } = await exec(['sh', '-c', script], { env });
      return `${stdout}\n${stderr}`;
    };
    /** By docker, which starts quicker than compose. */
    const inside = (service: string, ...argv: string[]): Promise<string> =>
      daemon().dockerOk('exec', `boat_${service}_1`, ...argv);
    const stateOf = (service: string): Promise<string> =>
      daemon().dockerOk('inspect', '-f', '{{.State.Status}} {{.State.ExitCode}}', `boat_${service}_1`);
    const idOf = (service: string): Promise<string> =>
      daemon().dockerOk('inspect', '-f', '{{.Id}}', `boat_${service}_1`);
    const rows = (): Promise<string> =>
      inside('app', 'psql', '-h', 'database', '-tAc', 'select count(*) from visits');
    const states = async (): Promise<string[]> => {
      const format = '{{.Label "com.docker.compose.service"}} {{.State}} {{.Status}}';
      const lines = (await daemon().dockerOk('ps', '-a', '--format', format)).split('\n');
      return lines
        .map((line) =>
          line.replace(/ Up [^(]*/, ' ').replace(/ (\d+|About an?|Less than an?) \w+ ago|: starting/, ''),
        )
        .toSorted();
    };

    before(
      async () => {
        await importDebianImages(daemon(), ['web', 'app', 'db', 'cache']);
        await cp(APP, join(daemon().directory, 'app'), { recursive: true });
        await daemon().mark();
      },
      { timeout: 300_000 },
    );

    /** What the application goes through, one after the other. */
    const steps: Readonly<Record<string, () => Promise<void>>> = {
      'it serves, by names that containers find each other by': async () => {
        assert.match(await visit(), /^hits=1 rows=1 by=[0-9a-f]{12}$/);
        assert.match(await visit(await ok('port', '--index=1', 'web', '80')), /^hits=2 rows=2/);
        assert.match(
          await ok('logs', '--no-color', '--tail=200', 'web'),
          /^Attaching to boat_web_1\nweb_1 [^]*GET \/cgi-bin\/hit/,
        );
        const stranger = await compose('exec', '-T', 'cache', 'redis-cli', '-h', 'web', 'ping');
        assert.match(stranger.stderr, /Name or service not known|failure in name resolution/);
      },
      'ps, top, images and config speak of it': async () => {
        assert.match(
          await ok('ps'),
          /boat_web_1 +nginx -c \/etc\/nginx.conf +Up \((healthy|health: starting)\) +0.0.0.0:8088->80\/tcp/,
        );
        assert.match(await ok('top', 'cache'), /boat_cache_1\n.*UID[^]*redis-server \*:6379/);
        assert.match(await ok('images'), /boat_db_1 +db +debian/);
      },
      'what is up to date stays, what changed is made again': async () => {
        const before = [await idOf('cache'), await idOf('web')];
        const { stderr } = await compose('up', '-d');
        assert.match(stderr, /boat_cache_1 is up-to-date/);
        const files = ['-f', 'docker-compose.yml', '-f', 'more.yml'];
        const made = await composeWith(recreate, [...files, 'up', '-d', '--no-deps', 'cache']);
        assert.equal(made.code, 0, made.stderr);
        assert.notEqual(await idOf('cache'), before[0]);
        assert.equal(await idOf('web'), before[1]);
        assert.equal(await inside('cache', 'redis-cli', 'config', 'get', 'maxmemory'), 'maxmemory\n5000000');
        assert.match(await visit(), /^hits=3 rows=3/);
      },
      'run and exec: one-off commands, exit codes, settings': async () => {
        const run = ['run', '--rm', '-T', '-e', 'X=y', '-w', '/tmp', '--no-deps', 'app'];
        const { code, stdout } = await compose(...run, 'sh', '-c', 'echo $X $PWD; exit 7');
        assert.deepEqual([code, stdout], [7, 'y /tmp\n']);
        const entered = await compose('exec', '-T', '-u', 'nobody', 'app', 'sh', '-c', 'id -un; exit 3');
        assert.deepEqual([entered.code, entered.stdout], [3, 'nobody\n']);
        assert.equal(await rows(), '3');
      },
      'scale: names lead to all, and each answers': async () => {
        await ok('up', '-d', '--no-deps', '--scale', 'app=3', 'app');
        const seen = new Set<string>();
        await eventually(
          'all three answer',
          async () => seen.add((await visit()).replace(/.*by=/, '')).size === 3,
          60_000,
        );
        await ok('scale', 'app=1');
        assert.match(
          await daemon().dockerOk('ps', '--format', '{{.Names}}', '-f', 'name=app'),
          /^boat_app_\d$/,
        );
        await eventually('the one left answers', async () => /hits/.test(await visit()));
      },
      'stop, start, restart, pause, kill: data stays, what ends by itself comes back': async () => {
        const count = await rows();
        await ok('stop', 'db');
        assert.equal(await stateOf('db'), 'exited 0');
        await ok('start', 'db');
        await ok('restart', 'cache', 'web');
        await ok('pause', 'app');
        assert.equal(await stateOf('app'), 'paused 0');
        await ok('unpause', 'app');
        await inside('web', 'kill', '-QUIT', '1');
        await eventually(
          'nginx is back',
          async () =>
            (await daemon().dockerOk(
              'inspect',
              '-f',
              '{{.RestartCount}} {{.State.Status}}',
              'boat_web_1',
            )) === '1 running',
        );
        await ok('kill', '-s', 'SIGKILL', 'web');
        assert.equal(await stateOf('web'), 'exited 137');
        await ok('start', 'web');
        await eventually('the database answers', async () => (await rows()) === count, 60_000);
        assert.match(await visit(), /rows=/);
      },
      'down keeps volumes, down -v nothing': async () => {
        const count = Number(await rows());
        await ok('down');
        assert.equal(await daemon().dockerOk('volume', 'ls', '-q'), 'boat_data\nboat_hits');
        assert.equal(await daemon().dockerOk('network', 'ls', '-q', '--filter', 'type=custom'), '');
        await ok('up', '-d');
        assert.match(await visit(), new RegExp(`rows=${count + 1} `));
        const { stderr } = await compose('down', '-v', '--remove-orphans', '--timeout', '30');
        assert.match(stderr, /Removing volume boat_data/);
        assert.deepEqual(await daemon().leftovers(), []);
      },
    };

    test('an application comes up in order, serves, scales and is taken apart', async () => {
      assert.match((await compose('up', '-d')).stderr, /Creating boat_web_1 +\.\.\. done/);
      assert.deepEqual(await states(), [
        'app running (healthy)',
        'cache running (healthy)',
        'db running (healthy)',
        'migrate exited Exited (0)',
        'web running (health)',
      ]);
      for (const [name, step] of Object.entries(steps))
        await step().catch((cause: unknown) => assert.fail(new Error(name, { cause })));
    });

    test('up in the foreground shows what all say, and ends with one of them', async () => {
      const { code, stdout } = await compose(
        '-f',
        'short.yml',
        'up',
        '--no-color',
        '--exit-code-from',
        'second',
      );
      assert.equal(code, 5);
      assert.match(stdout, /^first_1 +\| ready/m);
      assert.match(stdout, /^second_1 +\| hello from first/m);
      assert.match(stdout, /^boat_second_1 exited with code 5/m);
      await daemon().dockerOk('rm', '-f', 'boat_first_1', 'boat_second_1');
      await daemon().dockerOk('network', 'rm', 'boat_default');
    });
  },
  { needs: ['docker-compose', 'nginx', 'redis-server', 'postgresql'] },
);
