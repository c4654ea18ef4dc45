import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, type IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { buffer, text } from 'node:stream/consumers';
import { PassThrough, type Duplex } from 'node:stream';
import Docker from 'dockerode';
import { extract, pack } from 'tar-stream';
import { eventually } from '../lib/process.ts';
import { daemonSuite } from '../lib/suite.ts';

/** npm's dockerode, unmodified. */
daemonSuite('dockerode', (daemon) => {
  // Kept connections would count as left behind. (Its types don't know of agents.)
  const agent = new Agent({ keepAlive: false });
  const docker = (): Docker => new Docker({ socketPath: daemon().socket, agent } as Docker.DockerOptions);
  const running = async (options: Docker.ContainerCreateOptions = {}): Promise<Docker.Container> => {
    const container = await docker().createContainer({
      Image: 'busybox',
      Cmd: ['sleep', '1000'],
      ...options,
    });
    await container.start();
    return container;
  };
  /** Both streams of a container or exec without a terminal. */
  const demuxed = async (stream: NodeJS.ReadableStream): Promise<[string, string]> => {
    const [out, err] = [new PassThrough(), new PassThrough()];
    docker().modem.demuxStream(stream, out, err);
    const said = Promise.all([text(out), text(err)]);
    await once(stream, 'end');
    out.end();
    err.end();
    return said;
  };
  const lines = async (stream: NodeJS.ReadableStream, count: number): Promise<Record<string, unknown>[]> => {
    const found: Record<string, unknown>[] = [];
    for await (const chunk of stream) {
      const whole = String(chunk)
        .split('\n')
        .filter((line) => line !== '');
      found.push(...whole.map((line) => JSON.parse(line) as Record<string, unknown>));
      if (found.length >= count) break;
    }
    return found;
  };

  test('run, with streams apart, with a terminal, with input', async () => {
    const [out, err] = [new PassThrough(), new PassThrough()];
    const said = Promise.all([text(out), text(err)]);
    const script = ['sh', '-c', 'echo out; echo err >&2; exit 4'];
    const [data, container] = (await docker().run('busybox', script, [out, err], { Tty: false })) as [
      { StatusCode: number },
      Docker.Container,
    ];
    out.end();
    err.end();
    assert.deepEqual([data.StatusCode, await said], [4, ['out\n', 'err\n']]);
    await container.remove();
    const created = await docker().createContainer({
      Image: 'busybox',
      Cmd: ['cat'],
      OpenStdin: true,
      StdinOnce: true,
      AttachStdin: true,
    });
    const stream = await created.attach({
      stream: true,
      hijack: true,
      stdin: true,
      stdout: true,
      stderr: true,
    });
    const heard = demuxed(stream);
    const over = created.wait({ condition: 'next-exit' });
    await created.start();
    stream.end('to and fro\n');
    assert.deepEqual([await heard, (await over).StatusCode], [['to and fro\n', ''], 0]);
  });

  test('exec, logs, stats, events and top as streams', async () => {
    const container = await running({
      Cmd: ['sh', '-c', 'echo one; echo two >&2; sleep 1000'],
      Labels: { a: 'b' },
    });
    const exec = await container.exec({
      Cmd: ['sh', '-c', 'cat; echo $X >&2; exit 6'],
      Env: ['X=y'],
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
    });
    const stream: Duplex = await exec.start({ hijack: true, stdin: true });
    const said = demuxed(stream);
    stream.end('in');
    assert.deepEqual(await said, ['in', 'y\n']);
    const { ExitCode, Running } = await exec.inspect();
    assert.deepEqual([ExitCode, Running], [6, false]);

    const logs = await container.logs({ stdout: true, stderr: true, timestamps: false });
    assert.equal(String(logs).replaceAll(/[^\w\n]/g, ''), 'one\ntwo\n');
    const followed = demuxed(await container.logs({ follow: true, stdout: true, stderr: true, tail: 1 }));
    const [sample] = await lines(await container.stats({ stream: true }), 1);
    assert.equal(sample?.['id'], container.id);
    const once = await container.stats({ stream: false });
    assert.ok(once.memory_stats.usage > 0 && once.precpu_stats.cpu_usage.total_usage > 0);
    assert.deepEqual((await container.top({ ps_args: '-o pid,comm' })).Titles, ['PID', 'COMMAND']);
    const events = await docker().getEvents({
      filters: { container: [container.id], event: ['rename', 'die'] },
    });
    const heard = lines(events, 2);
    await container.rename({ name: 'renamed' });
    await container.stop({ t: 0 });
    assert.deepEqual(
      (await heard).map((event) => event['Action']),
      ['rename', 'die'],
    );
    assert.deepEqual(await followed, ['', 'two\n']);
    assert.equal(
      (await docker().listContainers({ all: true, filters: { label: ['a=b'] } }))[0]?.Names[0],
      '/renamed',
    );
  });

  test('archives in and out', async () => {
    const container = await running();
    const archive = pack();
    archive.entry({ name: 'd/f', mode: 0o640, uid: 7 }, 'content');
    archive.finalize();
    await container.putArchive(await buffer(archive), { path: '/tmp' });
    const info = (await container.infoArchive({ path: '/tmp/d/f' })) as IncomingMessage;
    assert.equal(await text(info), '');
    const stat = Buffer.from(String(info.headers['x-docker-container-path-stat']), 'base64').toString();
    assert.partialDeepStrictEqual(JSON.parse(stat), { name: 'f', size: 7, mode: 0o640 });
    const found: string[] = [];
    const entries = extract();
    (await container.getArchive({ path: '/tmp/d' })).pipe(entries);
    for await (const entry of entries)
      found.push(`${entry.header.name} ${entry.header.uid} ${await text(entry)}`);
    assert.deepEqual(found, ['d/ 0 ', 'd/f 7 content']);
    assert.deepEqual(
      (await container.changes()).filter(({ Path }: { Path: string }) => Path.startsWith('/tmp/d/')),
      [{ Path: '/tmp/d/f', Kind: 1 }],
    );
    await assert.rejects(container.getArchive({ path: '/nowhere' }), { statusCode: 404 });
    assert.ok((await buffer(await container.export())).length > 1_000_000);
  });

  test('networks, volumes, limits and health', async () => {
    const network = await docker().createNetwork({
      Name: 'reef',
      IPAM: { Config: [{ Subnet: '10.91.0.0/24' }] },
      Labels: { l: '1' },
    });
    const volume = await docker().createVolume({ Name: 'hold', Labels: { l: '1' } });
    assert.equal(volume.name, 'hold');
    const container = await running({
      Healthcheck: {
        Test: ['CMD', 'test', '-f', '/v/ok'],
        Interval: 100_000_000,
        StartPeriod: 60_000_000_000,
      },
      HostConfig: {
        Mounts: [{ Type: 'volume', Source: 'hold', Target: '/v' }],
        RestartPolicy: { Name: 'always' },
      },
      NetworkingConfig: {
        EndpointsConfig: { reef: { IPAMConfig: { IPv4Address: '10.91.0.9' }, Aliases: ['fish'] } },
      },
    });
    const health = async (): Promise<string | undefined> => (await container.inspect()).State.Health?.Status;
    assert.equal(await health(), 'starting');
    await (await container.exec({ Cmd: ['touch', '/v/ok'] })).start({ Detach: true });
    await eventually('it is healthy', async () => (await health()) === 'healthy');
    await container.update({ Memory: 50_000_000, MemorySwap: -1, RestartPolicy: { Name: 'no' } });
    assert.equal((await container.inspect()).HostConfig.Memory, 50_000_000);
    const inspected = await network.inspect();
    assert.deepEqual(
      Object.values(inspected.Containers ?? {}).map(({ IPv4Address }) => IPv4Address),
      ['10.91.0.9/24'],
    );
    await network.disconnect({ Container: container.id });
    await network.connect({ Container: container.id, EndpointConfig: { Aliases: ['again'] } });
    await container.pause();
    assert.equal((await container.inspect()).State.Status, 'paused');
    await container.unpause();
    await assert.rejects(network.remove(), { statusCode: 403 });
    await assert.rejects(docker().getVolume('hold').remove(), { statusCode: 409 });
    await container.remove({ force: true, v: true });
    assert.deepEqual((await docker().pruneNetworks({ filters: { label: ['l=1'] } })).NetworksDeleted, [
      'reef',
    ]);
    const filters = JSON.stringify({ label: { 'l=1': true }, all: ['true'] });
    const pruned: Docker.PruneVolumesInfo = await docker().pruneVolumes({ filters });
    assert.deepEqual(pruned.VolumesDeleted, ['hold']);
  });

  test('images and the system', async () => {
    const image = docker().getImage('busybox');
    await image.tag({ repo: 'boat', tag: 'one' });
    assert.ok((await docker().listImages({ filters: { reference: ['boat'] } })).length === 1);
    assert.ok((await image.history()).length > 0);
    const saved = await buffer(await docker().getImage('boat:one').get());
    await docker().getImage('boat:one').remove();
    const progress = await docker().loadImage(pieces(saved));
    const ends = await new Promise<{ stream?: string }[]>((resolve, reject) => {
      docker().modem.followProgress(progress, (error: Error | null, output: { stream?: string }[]) =>
        error ? reject(error) : resolve(output),
      );
    });
    assert.match(ends.at(-1)?.stream ?? '', /Loaded image: boat:one/);
    const container = await running();
    await container.commit({ repo: 'boat', tag: 'two', comment: 'c', changes: 'ENV A=b' });
    assert.deepEqual((await docker().getImage('boat:two').inspect()).Config.Env?.includes('A=b'), true);
    await docker().getImage('boat:two').remove({ force: true });
    await docker().getImage('boat:one').remove();
    assert.equal(String(await docker().ping()), 'OK');
    assert.equal((await docker().version()).ApiVersion, '1.51');
    assert.equal((await docker().info()).ContainersRunning, 1);
    assert.equal((await docker().df()).Containers.length, 1);
    await assert.rejects(docker().getContainer('nobody').inspect(), {
      statusCode: 404,
      reason: 'no such container',
    });
    await assert.rejects(docker().createContainer({ Image: 'nothing' }), {
      statusCode: 404,
      json: { message: 'No such image: nothing:latest' },
    });
  });
});

const pieces = (bytes: Buffer): NodeJS.ReadableStream => new PassThrough().end(bytes);
