import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { built } from '../lib/clients.ts';
import { eventually, exec } from '../lib/process.ts';
import { rest } from '../lib/rest.ts';
import { daemonSuite } from '../lib/suite.ts';

interface Inspected {
  readonly Id: string;
  readonly State: { readonly Pid: number; readonly Status: string };
  readonly Config: {
    readonly Labels: Record<string, string>;
    readonly Env: readonly string[];
    readonly Healthcheck?: { readonly Test: readonly string[] };
  };
  readonly HostConfig: Record<string, unknown>;
  readonly Mounts: readonly { readonly Name?: string; readonly Destination: string }[];
  readonly NetworkSettings: {
    readonly Networks: Record<string, { readonly IPAddress: string; readonly MacAddress: string }>;
    readonly Ports: Record<string, readonly { readonly HostPort: string }[] | null>;
  };
}

/** `sleep` as a first process does not hear SIGTERM. */
const QUICK = ['--stop-signal', 'KILL'];

daemonSuite('wherry edit', (daemon) => {
  const inspect = async (id: string): Promise<Inspected> =>
    JSON.parse(await daemon().wherryOk('inspect', '-f', '{{json .}}', id)) as Inspected;
  const run = (...flags: string[]): Promise<string> =>
    daemon().dockerOk('run', '-d', '--name', 'edited', ...QUICK, ...flags, 'busybox', 'sleep', '1000');
  const edit = (...args: string[]): Promise<string> => daemon().wherryOk('edit', ...args);
  const inside = (...command: string[]): Promise<string> => daemon().dockerOk('exec', 'edited', ...command);

  test('labels, limits, restart policy and healthcheck change while it runs', async () => {
    const id = await run('--label', 'a=1', '--label', 'b=2', '-m', '64m');
    const before = await inspect(id);
    const said = await edit(
      ...['--label-add', 'a=3', '--label-add', 'c=4', '--label-rm', 'b', '-m', '48m', '--memory-swap', '96m'],
      ...['--pids-limit', '33', '--restart', 'on-failure:4', '--restart-backoff', 'max=9s'],
      ...['--health-cmd', 'true', '--health-interval', '20ms', id],
    );
    assert.equal(said, 'changed: labels, limits, restart policy, healthcheck');
    const after = await inspect('edited');
    assert.deepEqual([after.Id, after.State.Pid], [before.Id, before.State.Pid]);
    assert.deepEqual(after.Config.Labels, { a: '3', c: '4' });
    assert.deepEqual(
      [after.HostConfig['Memory'], after.HostConfig['PidsLimit'], after.HostConfig['RestartPolicy']],
      [48 << 20, 33, { Name: 'on-failure', MaximumRetryCount: 4, MaxDelay: 9e9 }],
    );
    await daemon().wherryOk('wait', '--healthy', id);
    assert.equal(await edit('--label-add', 'a=3', id), 'nothing is changed');
    assert.equal(await edit('--no-healthcheck', id), 'changed: healthcheck');
    assert.doesNotMatch(await daemon().dockerOk('ps', '--format', '{{.Status}}'), /health/);
  });

  test('ports are published and withdrawn while it runs; a connection by another port goes on', async () => {
    const id = await daemon().dockerOk(
      ...['run', '-d', '--name', 'edited', '-p', '18091:80', '-p', '18092:80', '-p', '127.0.0.1:18093:81'],
      ...['busybox', 'sh', '-c', 'while :; do echo hello | nc -l -p 80; done'],
    );
    const { State } = await inspect(id);
    const answers = async (port: number): Promise<boolean> => {
      const enter = ['nsenter', `--net=/proc/${daemon().netnsPid}/ns/net`, '--'];
      return (
        (await exec([...enter, 'busybox', 'nc', '-w', '2', '127.0.0.1', String(port)])).stdout.trim() ===
        'hello'
      );
    };
    const served = (port: number): Promise<boolean> => eventually(`${port} answers`, () => answers(port));
    await served(18_091);
    assert.equal(
      await edit('--publish-rm', '18091:80', '--publish-add', '18094-18095:80', id),
      'changed: published ports',
    );
    const { NetworkSettings, State: now } = await inspect(id);
    assert.equal(now.Pid, State.Pid);
    assert.deepEqual(
      [...new Set(NetworkSettings.Ports['80/tcp']?.map(({ HostPort }) => HostPort))].toSorted(),
      ['18092', '18094'],
    );
    await served(18_094);
    await served(18_092);
    assert.equal(await answers(18_091), false);
    const taken = await daemon().wherry('edit', '--publish-add', '18093:9', id);
    assert.match(taken.stderr, /Cannot edit container .*port is already allocated|address already in use/);
    await served(18_092);
    const gone = await daemon().wherry('edit', '--publish-rm', '99', id);
    assert.match(gone.stderr, /port "99" is not published/);
    // The port of the host may go over to another port of the container.
    assert.equal(
      await edit('--publish-rm', '81', '--publish-add', '18093:80', id),
      'changed: published ports',
    );
    await served(18_093);
  });

  test('environment and mounts: started anew with everything that it had', async () => {
    await daemon().dockerOk('network', 'create', '--subnet', '10.92.0.0/24', 'harbour');
    await daemon().dockerOk('network', 'create', '--subnet', '10.93.0.0/24', 'quay');
    await run(
      '-p',
      '18096:80',
      '-v',
      '/anonymous',
      '-v',
      'named:/named',
      '--network',
      'harbour',
      '-e',
      'OLD=1',
    );
    await daemon().dockerOk('network', 'connect', 'quay', 'edited');
    await inside('sh', '-c', 'echo layer > /layer; echo a > /anonymous/f; echo n > /named/f');
    const before = await inspect('edited');
    const said = await edit(
      ...['-e', 'NEW=2', '--env-rm', 'OLD', '--volume-add', 'more:/etc', '--tmpfs-add', '/scratch:size=1m'],
      ...['--mount-add', 'type=bind,source=/tmp,target=/t,readonly', '--label-add', 'x=y', 'edited'],
    );
    assert.equal(
      said,
      'changed: labels\nchanged: environment, mounts (stopped and started anew, with its id, name, addresses, volumes and files)',
    );
    const after = await inspect('edited');
    assert.equal(after.Id, before.Id);
    assert.notEqual(after.State.Pid, before.State.Pid);
    assert.deepEqual(placesOf(after), placesOf(before));
    assert.deepEqual(after.NetworkSettings.Ports, before.NetworkSettings.Ports);
    assert.deepEqual(
      after.Mounts.filter(({ Destination }) => ['/anonymous', '/named'].includes(Destination)).map(
        ({ Name }) => Name,
      ),
      before.Mounts.map(({ Name }) => Name),
    );
    assert.equal(await inside('cat', '/layer', '/anonymous/f', '/named/f'), 'layer\na\nn');
    assert.match(await inside('cat', '/etc/passwd'), /root/);
    const env = await inside('env');
    assert.match(env, /^NEW=2$/m);
    assert.doesNotMatch(env, /OLD/);
    assert.match(await inside('cat', '/proc/mounts'), /tmpfs \/scratch .*size=1024k/);
    await daemon().dockerOk(
      'run',
      '--rm',
      '--network',
      'harbour',
      'busybox',
      'ping',
      '-c',
      '1',
      '-W',
      '3',
      'edited',
    );
    assert.equal(
      await edit('--mount-rm', '/etc', '--mount-rm', '/t', 'edited').then((text) => /mounts/.test(text)),
      true,
    );
    assert.ok(
      !(await inspect('edited')).Mounts.some(({ Destination }) => ['/etc', '/t'].includes(Destination)),
    );
    await daemon().dockerOk('rm', '-fv', 'edited');
    await daemon().dockerOk('volume', 'rm', 'more', 'named');
    await daemon().dockerOk('network', 'rm', 'harbour', 'quay');
    await daemon().mark();
  });

  test('one that does not run has it at its next start; one that is paused is not started anew', async () => {
    const id = await daemon().dockerOk('create', '--name', 'edited', '-e', 'A=1', 'busybox', 'sleep', '1000');
    assert.match(
      await edit('-e', 'A=2', '--publish-add', '18097:80', id),
      /environment \(changed for its next start\)/,
    );
    assert.equal((await inspect(id)).State.Status, 'created');
    await daemon().kill9();
    await daemon().restart();
    assert.equal(await edit('-e', 'A=2', id), 'nothing is changed');
    await daemon().dockerOk('start', id);
    assert.match(await inside('env'), /^A=2$/m);
    assert.match(await daemon().dockerOk('port', id), /80\/tcp -> 0\.0\.0\.0:18097/);
    await daemon().dockerOk('pause', id);
    assert.equal(await edit('--label-add', 'p=q', id), 'changed: labels');
    const { stderr, code } = await daemon().wherry('edit', '-e', 'A=3', id);
    assert.equal(code, 1);
    assert.match(stderr, /environment cannot be changed while it is paused: unpause it first/);
    assert.equal((await inspect(id)).State.Status, 'paused');
  });

  test('what does not start is as it was, and runs', async () => {
    const id = await run('--rm', '-e', 'A=1');
    const place = placesOf(await inspect(id));
    const file = join(daemon().directory, 'file');
    await writeFile(file, '');
    const { stderr, code } = await daemon().wherry('edit', '--volume-add', `${file}:/tmp`, '-e', 'A=2', id);
    assert.equal(code, 1);
    assert.match(stderr, /Cannot edit container .*Cannot mount ".*file" at "\/tmp"/);
    const after = await inspect(id);
    assert.equal(after.State.Status, 'running');
    assert.deepEqual([placesOf(after), after.Mounts], [place, []]);
    assert.match(await inside('env'), /^A=1$/m);
  });

  test('refusals are those of a create; a dry run changes nothing', async () => {
    const id = await run();
    const before = await inspect(id);
    const table: readonly (readonly [readonly string[], RegExp])[] = [
      [['-m', '1m', '--memory-swap', '2m'], /Minimum memory limit allowed is 6MB/],
      [['--volume-add', '/a:/x', '--volume-add', '/b:/x'], /Duplicate mount point: \/x/],
      [['--mount-add', 'type=bind,source=/no/such,target=/x'], /bind source path does not exist: \/no\/such/],
      [['--volume-add', 'fresh:/bin/busybox'], /cannot mount volume over existing file/],
      [['--restart', 'sometimes'], /invalid restart policy/],
      [['--label-rm', 'none'], /there is no label "none"/],
      [['--env-rm', 'NONE'], /there is no environment variable "NONE"/],
      [['--mount-rm', '/none'], /nothing is mounted at "\/none"/],
      [['--health-http', 'ftp://x'], /Invalid healthcheck URL/],
    ];
    for (const [flags, text] of table) {
      const { stderr, code } = await daemon().wherry('edit', ...flags, id);
      assert.equal(code, 1, flags.join(' '));
      assert.match(stderr, text);
    }
    const dry = await edit('--dry-run', '-e', 'A=1', '--label-add', 'l=m', '--volume-add', 'never:/x', id);
    assert.match(
      dry,
      /^would be changed: labels\nwould be changed: environment, mounts \(would be stopped and started/,
    );
    assert.deepEqual(await inspect(id), before);
    assert.equal(await daemon().dockerOk('volume', 'ls', '-q'), '');
    const path = `/wherry/containers/${id}/edit`;
    const other = await rest(daemon().socket, 'POST', {
      path,
      body: { Image: 'x', HostConfig: { Privileged: true } },
    });
    assert.deepEqual(
      [other.status, other.json()],
      [400, { message: 'Image, HostConfig.Privileged cannot be edited: make a new container of it' }],
    );
    assert.match((await daemon().wherry('edit', '-e', 'A=1', 'nobody')).stderr, /No such container: nobody/);
  });

  test('in an editor', async () => {
    const id = await run('--label', 'a=1');
    const inEditor = (editor: string) =>
      exec([built('wherry'), 'edit', id], {
        env: {
          ...process.env,
          WHERRY_HOST: `unix://${daemon().socket}`,
          DOCKER_CONFIG: join(daemon().directory, 'c'),
          VISUAL: '',
          EDITOR: editor,
          TMPDIR: daemon().directory,
        },
      });
    const done = await inEditor('sed -i -e "s/^  a: .*/  a: two/" -e "s/PidsLimit: .*/PidsLimit: 21/"');
    assert.deepEqual([done.code, done.stdout.trim(), done.stderr], [0, 'changed: labels, limits', '']);
    assert.deepEqual((await inspect(id)).Config.Labels, { a: 'two' });
    assert.equal((await inspect(id)).HostConfig['PidsLimit'], 21);
    assert.equal((await inEditor('true')).stdout.trim(), 'nothing is changed');
    const failed = await inEditor('false');
    assert.match(failed.stderr, /the editor "false" ended with 1: nothing is changed/);
    const wrong = await inEditor('sed -i -e "s/Memory: .*/Memory: 5/" -e "s/MemorySwap: .*/MemorySwap: 9/"');
    assert.match(wrong.stderr, /Minimum memory limit allowed is 6MB\nThe text is kept in .*edited\.yaml/);
  });
});

const placesOf = ({ NetworkSettings }: Inspected): unknown =>
  Object.entries(NetworkSettings.Networks).map(([name, { IPAddress, MacAddress }]) => [
    name,
    IPAddress,
    MacAddress,
  ]);
