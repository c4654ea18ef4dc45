import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container } from '../../../daemon/core/contract.ts';
import { NO_SETTINGS } from '../../../daemon/core/networks/types.ts';
import type { ImageId } from '../../../image/snapshots.ts';
import { exampleContainer, exampleEndpoint, hex } from '../../lib/examples.ts';
import { fakeDoor, type FakeDaemon } from '../../lib/fake-daemon.ts';

const EXITED: Container['state'] = {
  kind: 'exited',
  exitCode: 3,
  error: '',
  oomKilled: false,
  startedAt: '2026-01-02T00:00:00Z',
  finishedAt: '2026-01-02T00:00:05Z',
};

/** web runs, job exited with 3, new was only created; newest last. */
async function populated(t: Parameters<typeof fakeDoor>[0]): Promise<FakeDaemon> {
  const daemon = await fakeDoor(t);
  daemon.engine.addImage();
  const { config } = exampleContainer();
  daemon.engine.addContainer('web', { id: hex('a') });
  daemon.engine.addContainer('job', {
    id: hex('b'),
    createdAt: '2026-01-02T00:00:00Z',
    state: EXITED,
    config: { ...config, labels: { tier: 'back', app: 'x' } },
  });
  daemon.engine.addContainer('new', {
    id: hex('c'),
    createdAt: '2026-01-03T00:00:00Z',
    state: { kind: 'created', error: '', exitCode: 0 },
    imageName: 'gone',
    config: { ...config, networks: { none: NO_SETTINGS }, host: { ...config.host, networkMode: 'none' } },
  });
  return daemon;
}

test('ps shows what is asked for, newest first', async (t) => {
  const { app } = await populated(t);
  const cases: [query: string, names: string[]][] = [
    ['', ['web']],
    ['?all=1', ['new', 'job', 'web']],
    ['?limit=2', ['new', 'job']],
    ['?limit=-1', ['web']],
    ['?filters={"status":["exited"]}', ['job']],
    ['?filters={"status":{"created":true,"running":true}}', ['new', 'web']],
    ['?all=1&filters={"exited":["3"]}', ['job']],
    ['?all=1&filters={"exited":["0"]}', []],
    ['?all=1&filters={"name":["^/w"]}', ['web']],
    ['?all=1&filters={"name":["b"]}', ['job', 'web']],
    [`?all=1&filters={"id":["${'b'.repeat(12)}"]}`, ['job']],
    ['?all=1&filters={"label":["tier=back"]}', ['job']],
    ['?all=1&filters={"label":["tier=back","app=y"]}', []],
    ['?all=1&filters={"ancestor":["busybox"]}', ['new', 'job', 'web']],
    ['?all=1&filters={"ancestor":["nope"]}', []],
    ['?all=1&filters={"before":["job"]}', ['web']],
    ['?all=1&filters={"since":["job"]}', ['new']],
    ['?all=1&filters={"network":["bridge"]}', ['job', 'web']],
    ['?all=1&filters={"health":["none"]}', ['new', 'job', 'web']],
    ['?all=1&filters={"publish":["80"]}', []],
  ];
  for (const [query, names] of cases) {
    const answer = await app.inject({ url: `/containers/json${query}` });
    assert.equal(answer.statusCode, 200, `${query} ${answer.body}`);
    const found = answer.json<{ Names: string[] }[]>().map(({ Names }) => Names[0]?.slice(1));
    assert.deepEqual(found, names, query);
  }
});

test('a wrong value in a filter of ps is refused', async (t) => {
  const { app } = await populated(t);
  const cases: [filters: string, status: number, message: RegExp][] = [
    ['{"exited":["x"]}', 400, /^invalid filter 'exited=x'/],
    [
      '{"status":["odd"]}',
      400,
      /^invalid filter 'status=odd': invalid value for state \(odd\): must be one of created, /,
    ],
    ['{"odd":["x"]}', 400, /^invalid filter 'odd'$/],
    ['{"before":["nope"]}', 404, /^No such container: nope$/],
  ];
  for (const [filters, status, message] of cases) {
    const answer = await app.inject({ url: `/containers/json?filters=${filters}` });
    assert.equal(answer.statusCode, status, filters);
    assert.match(answer.json().message, message);
  }
});

test("an entry of ps has docker's fields", async (t) => {
  const { app } = await populated(t);
  const entries = (await app.inject({ url: '/containers/json?all=1' })).json<Record<string, unknown>[]>();
  const [created, exited, running] = entries;
  assert.deepEqual(Object.keys(running ?? {}), [
    ...['Id', 'Names', 'Image', 'ImageID', 'Command', 'Created', 'Ports', 'Labels', 'State', 'Status'],
    ...['HostConfig', 'NetworkSettings', 'Mounts'],
  ]);
  assert.equal(running?.['Command'], "sh -c 'echo hello'");
  assert.equal(running?.['Image'], 'busybox');
  assert.match(String(running?.['Status']), /^Up /);
  assert.match(String(exited?.['Status']), /^Exited \(3\) .* ago$/);
  assert.equal(created?.['Status'], 'Created');
  assert.equal(created?.['Image'], created?.['ImageID'], 'a name that leads nowhere is replaced by the id');
  assert.deepEqual(running?.['HostConfig'], { NetworkMode: 'bridge' });
});

test('inspect shows state and network as docker does', async (t) => {
  const { app, engine } = await populated(t);
  const inspect = async (name: string) => (await app.inject({ url: `/containers/${name}/json` })).json();
  const job = await inspect('job');
  assert.deepEqual(job.State, {
    Status: 'exited',
    Running: false,
    Paused: false,
    Restarting: false,
    OOMKilled: false,
    Dead: false,
    Pid: 0,
    ExitCode: 3,
    Error: '',
    StartedAt: '2026-01-02T00:00:00Z',
    FinishedAt: '2026-01-02T00:00:05Z',
  });
  assert.equal(job.Name, '/job');
  assert.equal(job.ExecIDs, null);
  assert.deepEqual(job.Mounts, []);
  assert.equal(job.NetworkSettings.Networks.bridge.NetworkID, hex('b'));
  assert.equal(job.NetworkSettings.IPAddress, '');
  assert.deepEqual(job.NetworkSettings.Ports, {});
  const created = await inspect('new');
  assert.equal(created.State.StartedAt, '0001-01-01T00:00:00Z');
  assert.equal(created.NetworkSettings.Networks.none.NetworkID, '');
  engine.addContainer('joined', {
    id: hex('d'),
    sandbox: { kind: 'own', containerId: hex('d'), endpoints: [exampleEndpoint] },
    sandboxKey: '/run/wherry/netns/d',
  });
  const { NetworkSettings: joined } = await inspect('joined');
  assert.equal(joined.IPAddress, '172.17.0.2');
  assert.equal(joined.Networks.bridge.IPAddress, '172.17.0.2');
  assert.equal(joined.SandboxKey, '/run/wherry/netns/d');
  const network = (await app.inject({ url: '/networks/bridge' })).json();
  assert.equal(network.Containers[hex('d')].IPv4Address, '172.17.0.2/16');
  const [listed] = (await app.inject({ url: '/networks' })).json();
  assert.deepEqual(listed.Containers, {});
});

test('images lists what the filters leave', async (t) => {
  const { app, engine } = await fakeDoor(t);
  const id = (digit: string) => `sha256:${hex(digit)}` as ImageId;
  engine.addImage({ id: id('1'), tags: ['busybox:latest', 'busybox:1'], createdAt: '2026-01-03T00:00:00Z' });
  engine.addImage({
    id: id('2'),
    tags: ['localhost:5000/a/b:2'],
    createdAt: '2026-01-02T00:00:00Z',
    config: {},
  });
  engine.addImage({ id: id('3'), tags: [], createdAt: '2026-01-01T00:00:00Z', config: {} });
  const cases: [filters: string, tags: string[][]][] = [
    ['{}', [['busybox:latest', 'busybox:1'], ['localhost:5000/a/b:2'], []]],
    ['{"dangling":["true"]}', [[]]],
    ['{"dangling":["false"]}', [['busybox:latest', 'busybox:1'], ['localhost:5000/a/b:2']]],
    ['{"reference":["busybox"]}', [['busybox:latest', 'busybox:1']]],
    ['{"reference":["busy*:1"]}', [['busybox:1']]],
    ['{"reference":["localhost:5000/*/b"]}', [['localhost:5000/a/b:2']]],
    ['{"reference":["*"]}', [['busybox:latest', 'busybox:1']]],
    ['{"label":["vendor=debian"]}', [['busybox:latest', 'busybox:1']]],
    ['{"before":["busybox"]}', [['localhost:5000/a/b:2'], []]],
    ['{"since":["localhost:5000/a/b:2"]}', [['busybox:latest', 'busybox:1']]],
  ];
  for (const [filters, tags] of cases) {
    const answer = await app.inject({ url: `/images/json?filters=${encodeURIComponent(filters)}` });
    assert.deepEqual(
      answer.json<{ RepoTags: string[] }[]>().map(({ RepoTags }) => RepoTags),
      tags,
      filters,
    );
  }
  const old = (await app.inject({ url: '/v1.42/images/json?filters={"dangling":["true"]}' })).json();
  assert.deepEqual(
    [old[0].RepoTags, old[0].RepoDigests, old[0].Containers],
    [['<none>:<none>'], ['<none>@<none>'], -1],
  );
  assert.equal(old[0].VirtualSize, old[0].Size);
  const named = await app.inject({ url: '/images/localhost:5000/a/b:2/json' });
  assert.equal(named.json().Id, id('2'));
});

test('the history of an image names it once', async (t) => {
  const { app, engine } = await fakeDoor(t);
  engine.addImage();
  const history = (await app.inject({ url: '/images/busybox/history' })).json();
  assert.deepEqual(
    history.map(({ Id, Tags, Size, CreatedBy }: Record<string, unknown>) => [Id, Tags, Size, CreatedBy]),
    [
      [`sha256:${hex('1')}`, ['busybox:latest'], 0, 'CMD'],
      ['<missing>', null, 2_000_000, 'make'],
    ],
  );
});
