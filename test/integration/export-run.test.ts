import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { built } from '../lib/clients.ts';
import { exec } from '../lib/process.ts';
import { seededRandom } from '../lib/random.ts';
import { daemonSuite } from '../lib/suite.ts';

/** Flags that may be combined at will; each round takes some. */
const FLAGS: readonly (readonly string[])[] = [
  ['--hostname', 'quay', '--domainname', 'harbour.test'],
  ['--user', '1:2', '--workdir', '/tmp'],
  ['-t', '-i'],
  ['-e', 'GREETING=it\'s a $HOME "quote"', '-e', 'EMPTY='],
  ['--label', 'a=b c', '--label', 'lines=one\ntwo'],
  ['--stop-signal', 'SIGUSR1', '--stop-timeout', '0'],
  ['--health-cmd', 'test -f /x && true', '--health-interval', '1500ms', '--health-retries', '4'],
  ['--no-healthcheck'],
  ['--restart', 'on-failure:3', '--restart-backoff', 'min=200ms,max=1m,multiplier=3'],
  ['--log-driver', 'local', '--log-opt', 'max-size=2m'],
  ['--cap-add', 'NET_ADMIN', '--cap-drop', 'ALL'],
  ['--dns', '9.9.9.9', '--dns-option', 'ndots:2', '--dns-search', 'x.test', '--add-host', 'db:10.0.0.9'],
  ['--group-add', '7', '--read-only'],
  ['--security-opt', 'no-new-privileges', '--security-opt', 'systempaths=unconfined'],
  ['--privileged'],
  ['--shm-size', '5m', '--sysctl', 'net.ipv4.ip_forward=1', '--annotation', 'k=v'],
  ['--ipc', 'host', '--pid', 'host', '--uts', 'host', '--cgroupns', 'host'],
  ['--ipc', 'shareable', '--cgroupns', 'private', '--init'],
  ['-m', '64m', '--memory-reservation', '32m', '--memory-swap', '100m', '--cpus', '0.25'],
  ['--cpu-shares', '99', '--cpuset-cpus', '0', '--pids-limit', '50', '--oom-score-adj', '9'],
  ['--cpu-period', '50000', '--cpu-quota', '20000', '--ulimit', 'nofile=100:200', '--ulimit', 'core=0:0'],
  ['--device', '/dev/null:/dev/nothing:rw', '--device-cgroup-rule', 'c 1:3 rwm'],
  ['-v', '/tmp:/host:ro', '-v', '/anonymous', '--tmpfs', '/run:size=1m', '--tmpfs', '/more'],
  ['--mount', 'type=tmpfs,target=/m,tmpfs-size=1048576,tmpfs-mode=700'],
  ['--mount', 'type=bind,source=/tmp,target=/b,readonly,bind-propagation=rslave'],
  ['-p', '127.0.0.1:8081:81/udp', '-p', '80', '-p', '[::1]:9000:90', '--expose', '70', '-P'],
  ['--entrypoint', '/bin/sh'],
  ['--network', 'host'],
  ['--network', 'none'],
];
const COMMANDS: readonly (readonly string[])[] = [[], ['true'], ['sh', '-c', `echo "it's" '$x' \\ ; exit`]];
const ROUNDS = 8;
const TAKEN = 7;

daemonSuite('wherry export-run', (daemon) => {
  const shell = (command: string) =>
    exec(['sh', '-c', command], {
      env: {
        ...process.env,
        PATH: `${join(built('wherry'), '..')}:${process.env['PATH']}`,
        WHERRY_HOST: `unix://${daemon().socket}`,
        DOCKER_CONFIG: join(daemon().directory, 'c'),
      },
    });

  /** All of what a container was made with; its id stands for its name. */
  async function shown(): Promise<unknown> {
    const text = await daemon().dockerOk('inspect', 'box');
    const [container] = JSON.parse(text) as [{ Id: string } & Record<string, Record<string, unknown>>];
    const { Config = {}, HostConfig = {}, Mounts, Path, Args } = container;
    const id = container.Id.slice(0, 12);
    const mounts = (Mounts as unknown as { Type: string; Destination: string }[]).map(
      ({ Type, Destination }) => `${Type} ${Destination}`,
    );
    return {
      Config: { ...Config, Hostname: Config['Hostname'] === id ? '' : Config['Hostname'] },
      HostConfig: plain(HostConfig),
      Mounts: mounts.toSorted(),
      Path,
      Args,
    };
  }

  const random = seededRandom(Number(process.env['WHERRY_TEST_SEED'] ?? 5));

  for (let round = 0; round < ROUNDS; round += 1) {
    const words = [...new Set(Array.from({ length: TAKEN }, () => random.pick(FLAGS)))].flat();
    const command = random.pick(COMMANDS);
    test(`round ${round}: ${words.join(' ')}`, async (t) => {
      const made = await daemon().wherry('create', '--name', 'box', ...words, 'busybox', ...command);
      // Some go not together, and the client or the daemon says so.
      if (made.code !== 0) return t.skip(made.stderr.split('\n')[0]);
      const before = await shown();
      const printed = await daemon().wherryOk('export-run', '--create', 'box');
      await daemon().dockerOk('rm', '-v', 'box');
      const again = await shell(printed);
      assert.equal(again.code, 0, `${printed}\n${again.stderr}`);
      assert.deepEqual(await shown(), before, printed);
      await daemon().dockerOk('rm', '-v', 'box');
    });
  }

  test('a container on a network of its own, run by the printed command', async () => {
    await daemon().dockerOk('network', 'create', '--subnet', '10.99.0.0/24', 'harbour');
    await daemon().mark();
    const network = 'name=harbour,alias=db,alias=store,ip=10.99.0.7';
    await daemon().wherryOk('run', '-d', '--name', 'box', '--network', network, 'busybox', 'sleep', '300');
    const { stdout } = await daemon().wherry('export-run', 'box');
    assert.match(
      stdout,
      /^wherry run --detach --name box .*--network name=harbour,alias=db,alias=store,ip=10\.99\.0\.7 busybox sleep 300\n$/,
    );
    await daemon().dockerOk('rm', '-f', 'box');
    assert.equal((await shell(stdout)).code, 0);
    const address = ['inspect', '-f', '{{.NetworkSettings.Networks.harbour.IPAddress}}', 'box'];
    assert.equal(await daemon().dockerOk(...address), '10.99.0.7');
    await daemon().dockerOk('rm', '-f', 'box');
    await daemon().dockerOk('network', 'rm', 'harbour');
    await daemon().mark();
  });

  test('nobody to export', async () => {
    const { code, stderr } = await daemon().wherry('export-run', 'nobody');
    assert.equal(code, 1);
    assert.match(stderr, /No such container: nobody/);
  });
});

/** An empty list and none ask for the same. */
const plain = (fields: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(fields).filter(
      ([, value]) => value !== null && !(typeof value === 'object' && Object.keys(value).length === 0),
    ),
  );
