import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { test } from 'node:test';
import { fakeDaemon, fakeDoor } from '../../lib/fake-daemon.ts';
import { eventually } from '../../lib/process.ts';

const lines = (text: string): unknown[] =>
  text
    .split('\r\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

const auth = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

test('a pull that fails before its first line has a status of its own, later it is told in the stream', async (t) => {
  const { app } = await fakeDoor(t);
  const cases: [name: string, status: number, message: RegExp][] = [
    ['missing', 404, /^manifest for missing:latest not found/],
    ['denied', 404, /^pull access denied for denied/],
    ['locked', 500, /^unauthorized: authentication required$/],
    ['away', 500, /connection refused$/],
    ['Upper', 400, /^invalid reference format: repository name \(library\/Upper\) must be lowercase$/],
    ['scratch', 403, /^'scratch' is a reserved name$/],
  ];
  for (const [name, status, message] of cases) {
    const answer = await app.inject({ method: 'POST', url: `/images/create?fromImage=${name}&tag=latest` });
    assert.equal(answer.statusCode, status, name);
    assert.match(answer.json<{ message: string }>().message, message);
  }
  const cut = await app.inject({ method: 'POST', url: '/images/create?fromImage=cut' });
  assert.equal(cut.statusCode, 200);
  assert.deepEqual(lines(cut.body).at(-1), {
    errorDetail: { message: 'unexpected EOF' },
    error: 'unexpected EOF',
  });
});

test('what a client writes in a pull and a push reaches the registry client', async (t) => {
  const { app, engine } = await fakeDoor(t);
  const credentials = { username: 'me', password: 'secret' };
  const cases: [url: string, asked: object][] = [
    ['/images/create?fromImage=busybox&tag=1', { reference: 'busybox:1', allTags: false }],
    [
      '/images/create?fromImage=docker.io/library/busybox',
      { reference: 'docker.io/library/busybox', allTags: true },
    ],
    [
      `/images/create?fromImage=a/b&tag=sha256:${'a'.repeat(64)}`,
      { reference: `a/b@sha256:${'a'.repeat(64)}`, allTags: false },
    ],
    [
      '/images/create?fromImage=localhost:5000/a:x&platform=linux%2Farm64%2Fv8',
      { reference: 'localhost:5000/a:x', allTags: false, platform: 'linux/arm64/v8' },
    ],
    ['/v1.31/images/create?fromImage=a:x&platform=arm64', { reference: 'a:x', allTags: false }],
    ['/images/localhost:5000/a/b/push?tag=2', { reference: 'localhost:5000/a/b:2', allTags: false }],
    ['/images/a/b/push', { reference: 'a/b', allTags: true }],
    [
      `/images/a/push?tag=1&platform=${encodeURIComponent('{"os":"linux","architecture":"arm64"}')}`,
      { reference: 'a:1', allTags: false, platform: 'linux/arm64' },
    ],
  ];
  for (const [url, asked] of cases) {
    const headers = { 'x-registry-auth': auth({ ...credentials, serveraddress: 'x' }) };
    const answer = await app.inject({ method: 'POST', url, headers });
    assert.equal(answer.statusCode, 200, answer.body);
    assert.deepEqual(engine.calls.at(-1)?.args, [{ platform: undefined, credentials, ...asked }], url);
  }
});

test('credentials come in every form that docker writes; nonsense is none', async (t) => {
  const { app, engine } = await fakeDoor(t);
  const cases: [header: string, credentials: object | undefined][] = [
    [auth({ auth: Buffer.from('me:se:cret').toString('base64') }), { username: 'me', password: 'se:cret' }],
    [auth({ identitytoken: 'T' }), { username: '', password: '', identityToken: 'T' }],
    [auth({ registrytoken: 'T' }), { username: '', password: '', registryToken: 'T' }],
    [auth({}), undefined],
    ['bm9uc2Vuc2U', undefined],
    [auth([1]), undefined],
  ];
  for (const [header, credentials] of cases) {
    await app.inject({
      method: 'POST',
      url: '/images/create?fromImage=a:1',
      headers: { 'x-registry-auth': header },
    });
    const [asked] = (engine.calls.at(-1)?.args ?? [{}]) as [{ credentials?: object }];
    assert.deepEqual(asked.credentials, credentials, header);
  }
});

test('progress has the bar that old clients print', async (t) => {
  const { app } = await fakeDoor(t);
  const answer = await app.inject({ method: 'POST', url: '/images/create?fromImage=busybox:1' });
  assert.equal(answer.headers['content-type'], 'application/json');
  assert.deepEqual(lines(answer.body)[1], {
    status: 'Downloading',
    progressDetail: { current: 500, total: 1000 },
    progress: `[${'='.repeat(25)}>${' '.repeat(25)}]     500B/1kB`,
    id: 'layer',
  });
});

test('a pull ends when its client leaves', async (t) => {
  const { engine, socket } = await fakeDaemon(t);
  const sent = httpRequest({
    socketPath: socket,
    method: 'POST',
    path: '/images/create?fromImage=endless:1',
  });
  sent.on('error', () => {});
  sent.on('response', (answer) => answer.once('data', () => sent.destroy()));
  sent.end();
  await eventually('the pull ends', () => engine.calls.at(-1)?.name === 'pull-ended');
});

test('import, commit, save: names, changes and platforms', async (t) => {
  const { app, engine } = await fakeDoor(t);
  const { id } = engine.addContainer('web');
  const imported = await app.inject({
    method: 'POST',
    url: '/images/create?fromSrc=-&repo=a/b&changes=CMD+x&changes=ENV+a%3Db&platform=linux/arm64',
    payload: Buffer.from('tar'),
    headers: { 'content-type': 'application/x-tar' },
  });
  assert.match((lines(imported.body)[0] as { status: string }).status, /^sha256:/);
  assert.deepEqual(engine.calls.at(-1)?.args, [
    {
      reference: 'a/b:latest',
      message: 'Imported from -',
      changes: ['CMD x', 'ENV a=b'],
      platform: 'linux/arm64',
    },
  ]);
  const payload = { Cmd: 'one', Env: null, ExposedPorts: { '80/tcp': {} } };
  const url = '/commit?container=web&repo=c&tag=2&comment=why&author=me&changes=USER+x&pause=0';
  const committed = await app.inject({ method: 'POST', url, payload });
  assert.equal(committed.statusCode, 201);
  assert.deepEqual(engine.calls.at(-1)?.args, [
    id,
    {
      reference: 'c:2',
      author: 'me',
      comment: 'why',
      changes: ['USER x'],
      pause: false,
      config: { Cmd: ['one'], ExposedPorts: { '80/tcp': {} } },
    },
  ]);
  await app.inject({
    method: 'POST',
    url: '/commit?container=web',
    payload: 'null',
    headers: { 'content-type': 'application/json' },
  });
  const [, asked] = (engine.calls.at(-1)?.args ?? []) as unknown[];
  assert.deepEqual(asked, {
    reference: undefined,
    author: '',
    comment: '',
    changes: [],
    pause: true,
    config: undefined,
  });
  const saved = await app.inject(
    `/images/get?names=a&names=b:1&platform=${encodeURIComponent('{"os":"linux","architecture":"amd64"}')}`,
  );
  assert.equal(saved.headers['content-type'], 'application/x-tar');
  assert.equal(saved.body, 'archive');
  assert.deepEqual(engine.calls.at(-1)?.args, [['a', 'b:1'], 'linux/amd64']);
  await app.inject('/images/localhost:5000/a/b/get');
  assert.deepEqual(engine.calls.at(-1)?.args, [['localhost:5000/a/b'], undefined]);
});

test('a platform that the image is not for', async (t) => {
  const { app, engine } = await fakeDoor(t);
  engine.addImage();
  const platform = encodeURIComponent('{"os":"linux","architecture":"arm64"}');
  for (const verb of ['json', 'history']) {
    const answer = await app.inject(`/images/busybox/${verb}?platform=${platform}`);
    assert.equal(answer.statusCode, 404);
    assert.match(
      answer.body,
      /busybox was found but does not provide the specified platform \(linux\/arm64\)/,
    );
    assert.equal((await app.inject(`/v1.47/images/busybox/${verb}?platform=${platform}`)).statusCode, 200);
    assert.equal((await app.inject(`/images/busybox/${verb}?platform=x`)).statusCode, 400);
  }
});

test('registries: login, search, distribution', async (t) => {
  const { app, engine } = await fakeDoor(t);
  const login = (password: string) =>
    app.inject({
      method: 'POST',
      url: '/auth',
      payload: { username: 'me', password, serveraddress: 'reg:1' },
    });
  assert.deepEqual((await login('right')).json(), { IdentityToken: '', Status: 'Login Succeeded' });
  assert.deepEqual(engine.calls.at(-1)?.args, ['reg:1', { username: 'me', password: 'right' }]);
  const refused = await login('wrong');
  assert.deepEqual(
    [refused.statusCode, refused.json()],
    [401, { message: 'unauthorized: incorrect username or password' }],
  );
  const filters = encodeURIComponent('{"stars":["5"]}');
  assert.deepEqual((await app.inject(`/images/search?term=busybox&limit=3&filters=${filters}`)).json(), [
    { star_count: 9, is_official: true, name: 'busybox', is_automated: false, description: 'Small' },
  ]);
  assert.equal((await app.inject('/images/search?term=x&limit=101')).statusCode, 400);
  assert.deepEqual((await app.inject('/distribution/localhost:1/a/b:1/json')).json(), {
    Descriptor: {
      mediaType: 'application/vnd.oci.image.index.v1+json',
      digest: `sha256:${'d'.repeat(64)}`,
      size: 7,
    },
    Platforms: [{ architecture: 'amd64', os: 'linux' }],
  });
  assert.deepEqual(engine.calls.at(-1)?.args, ['localhost:1/a/b:1', undefined]);
});

test('disk usage shows the types that were asked for', async (t) => {
  const { app, engine } = await fakeDoor(t);
  engine.addImage();
  const all = (await app.inject('/system/df')).json<Record<string, unknown[] | null>>();
  assert.deepEqual(Object.keys(all), ['LayersSize', 'Images', 'Containers', 'Volumes', 'BuildCache']);
  assert.equal(all['Images']?.length, 1);
  const some = (await app.inject('/system/df?type=container&type=volume')).json<object>();
  assert.deepEqual(some, { LayersSize: 0, Images: null, Containers: [], Volumes: [], BuildCache: null });
  const wrong = await app.inject('/system/df?type=x');
  assert.deepEqual([wrong.statusCode, wrong.json()], [400, { message: 'unknown object type: x' }]);
  assert.equal((await app.inject('/v1.41/system/df?type=x')).json<{ BuilderSize: number }>().BuilderSize, 0);
});

test('disk usage does not walk through containers that nobody asked for', async (t) => {
  const { app, engine } = await fakeDoor(t);
  const walks = async (query: string): Promise<number> => {
    engine.calls.length = 0;
    assert.equal((await app.inject(`/system/df${query}`)).statusCode, 200);
    return engine.calls.filter(({ name }) => name === 'sizes').length;
  };
  assert.equal(await walks('?type=image&type=volume'), 0);
  assert.equal(await walks('?type=container'), 1);
  assert.equal(await walks(''), 1);
});

test('prune: filters in docker’s words', async (t) => {
  const { app, engine } = await fakeDoor(t);
  const prune = (filters: object) =>
    app.inject({
      method: 'POST',
      url: `/images/prune?filters=${encodeURIComponent(JSON.stringify(filters))}`,
    });
  const answer = await prune({
    dangling: ['false'],
    until: ['2026-01-02T00:00:00Z'],
    label: ['a'],
    'label!': ['b=1'],
  });
  assert.deepEqual(answer.json(), { ImagesDeleted: null, SpaceReclaimed: 0 });
  assert.deepEqual(engine.calls.at(-1)?.args, [
    {
      danglingOnly: false,
      createdBefore: new Date('2026-01-02T00:00:00Z'),
      labels: ['a'],
      notLabels: ['b=1'],
      dryRun: false,
    },
  ]);
  const wrong: [filters: object, message: RegExp][] = [
    [{ dangling: ['maybe'] }, /^invalid filter 'dangling=\[maybe\]'$/],
    [{ nope: ['1'] }, /^invalid filter 'nope'$/],
    [{ until: ['1h', '2h'] }, /^more than one until filter specified$/],
    [{ until: ['soon'] }, /^invalid filter 'until=soon'$/],
  ];
  for (const [filters, message] of wrong) {
    const refused = await prune(filters);
    assert.equal(refused.statusCode, 400);
    assert.match(refused.json<{ message: string }>().message, message);
  }
});

test('pruning containers leaves the running ones', async (t) => {
  const { app, engine } = await fakeDoor(t);
  engine.addContainer('web');
  const { id } = engine.addContainer('old', { state: { kind: 'created', error: '', exitCode: 0 } });
  const pruned = await app.inject({ method: 'POST', url: '/containers/prune' });
  assert.deepEqual(pruned.json(), { ContainersDeleted: [id], SpaceReclaimed: 0 });
  assert.deepEqual(
    engine.containers.list().map(({ name }) => name),
    ['web'],
  );
});

test('our own endpoints', async (t) => {
  const { app, engine } = await fakeDoor(t);
  engine.addImage();
  const cases: [method: 'GET' | 'POST', url: string, status: number, body: unknown][] = [
    ['GET', '/wherry/images/a%2Fb/layers', 200, []],
    ['GET', '/wherry/images/diff?from=a&to=b', 200, { Shared: [], OnlyFrom: [], OnlyTo: [] }],
    ['GET', '/wherry/images/diff?from=a&to=b&paths=1', 200, { Path: '/new', Kind: 'added', Aspects: [] }],
    ['GET', '/wherry/system/verify', 200, { ExpectedBytes: 0, ActualBytes: 0, Orphans: [], Missing: [] }],
    ['POST', '/wherry/system/check?repair=1', 200, []],
    ['POST', '/wherry/system/compact', 200, []],
    ['POST', '/wherry/system/reclaim?dryRun=1', 200, { ImagesDeleted: null, SpaceReclaimed: 0 }],
  ];
  for (const [method, url, status, body] of cases) {
    const answer = await app.inject({ method, url });
    assert.deepEqual([answer.statusCode, answer.json()], [status, body], url);
  }
  assert.equal(
    (await app.inject({ method: 'POST', url: '/wherry/images/busybox/pin?pinned=0' })).statusCode,
    204,
  );
  assert.deepEqual(engine.calls.at(-1)?.args, ['busybox', false]);
  const [image] = (await app.inject('/wherry/images')).json<{ RepoTags: string[]; Layers: [] }[]>();
  assert.deepEqual([image?.RepoTags, image?.Layers], [['busybox:latest'], []]);
});
