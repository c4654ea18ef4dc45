import assert from 'node:assert/strict';
import { once } from 'node:events';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { built, CLIENTS, type Client } from '../lib/clients.ts';
import { ended, exec, start, type Result } from '../lib/process.ts';
import { startRegistry, type Registry, type RegistryOptions } from '../lib/registry.ts';
import { findProgram, requires } from '../lib/requires.ts';
import { putEmptyList, putTiny, textOf } from '../lib/tiny-image.ts';

const PROGRAMS: Readonly<Record<Client, string>> = {
  docker: findProgram('docker') ?? 'docker',
  wherry: built('wherry'),
};

/** A directory of settings, and whoever uses it. */
interface Settings {
  readonly directory: string;
  readonly run: (client: Client, verb: string, ...args: readonly string[]) => Promise<Result>;
  /** By path below the lists. */
  readonly files: () => Promise<Readonly<Record<string, string>>>;
}

async function settings(t: TestContext, enter: readonly string[] = []): Promise<Settings> {
  const directory = await mkdtemp('/tmp/w-');
  t.after(() => rm(directory, { recursive: true, force: true }));
  const lists = join(directory, 'manifests');
  const env = { ...process.env, DOCKER_CONFIG: directory, DOCKER_HOST: 'unix:///nonexistent' };
  return {
    directory,
    run: (client, verb, ...args) => {
      // Docker reads nothing from a registry without TLS unless told to, of this machine or not.
      const always = verb === 'create' && enter.length === 0 ? ['--insecure'] : [];
      return exec([...enter, PROGRAMS[client], 'manifest', verb, ...always, ...args], { env });
    },
    files: async () => {
      const found = await readdir(lists, { recursive: true, withFileTypes: true }).catch(() => []);
      const files = found
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name));
      const read = files
        .toSorted()
        .map(async (path) => [path.slice(lists.length), await readFile(path, 'utf8')]);
      return Object.fromEntries(await Promise.all(read)) as Record<string, string>;
    },
  };
}

/** Images of several platforms and kinds in several repositories. */
async function filled(t: TestContext, options: RegistryOptions = {}): Promise<Registry> {
  const registry = await startRegistry(t, options);
  const credentials = options.auth === undefined ? undefined : { username: 'user', password: 'secret' };
  const put = (path: string, config: object, isOci = false): Promise<string> =>
    putTiny({ name: `${registry.host}/${path}:1`, config, isOci }, credentials);
  await put('a/amd', { architecture: 'amd64', os: 'linux', rootfs: {} });
  await put('a/arm', { architecture: 'arm64', variant: 'v8', os: 'linux' });
  await put(
    'b/oci',
    { os: 'linux', architecture: 'riscv64', 'os.features': ['x'], 'os.version': '6<7' },
    true,
  );
  await put('b/artifact', {}, true);
  return registry;
}

interface Said extends Result {
  readonly step: readonly string[];
}

/** What a client has said and what it has left behind, whatever is its own as `SIDE`. */
interface Account {
  readonly said: readonly Said[];
  readonly files: object;
}

type Steps = readonly (readonly string[])[];

/** Repositories, lists and tags that are `SIDE` in a step are the client's own. */
async function follow({ run }: Settings, client: Client, steps: Steps): Promise<Said[]> {
  const said: Said[] = [];
  for (const step of steps) {
    const [verb = '', ...args] = step.map((word) => own(client, word));
    const { code, stdout, stderr } = await run(client, verb, ...args);
    said.push({ step, code, stdout: neutral(client, stdout), stderr: neutral(client, stderr) });
  }
  return said;
}

const own = (client: Client, text: string): string => text.replaceAll('SIDE', `${client}-side`);
const neutral = (client: Client, text: string): string => text.replaceAll(`${client}-side`, 'SIDE');
const codesOf = (said: readonly Said[]): number[] => said.map(({ code }) => code);

/** The same steps by each client, in settings of its own. */
async function account(t: TestContext, client: Client, steps: Steps): Promise<Account> {
  const place = await settings(t);
  const said = await follow(place, client, steps);
  return { said, files: JSON.parse(neutral(client, JSON.stringify(await place.files()))) as object };
}

async function same(t: TestContext, steps: Steps): Promise<Account> {
  const theirs = await account(t, 'docker', steps);
  const ours = await account(t, 'wherry', steps);
  assert.deepEqual(ours, theirs);
  return ours;
}

describe("manifest lists are docker's", requires('docker-client', 'docker-registry'), () => {
  test('created, amended, annotated, shown, pushed and removed with the same words, files and digests', async (t) => {
    const { host } = await filled(t);
    const [amd, arm, oci] = [`${host}/a/amd:1`, `${host}/a/arm:1`, `${host}/b/oci:1`];
    const list = `${host}/SIDE/list:1`;
    const { said, files } = await same(t, [
      ['create', list, arm, amd],
      ['create', list, oci],
      ['create', '--amend', list, oci, arm],
      ['inspect', list],
      ['inspect', '-v', list],
      ['inspect', list, oci],
      ['inspect', '--verbose', list, arm],
      [
        'annotate',
        list,
        arm,
        '--variant',
        'v9',
        '--os-features',
        'b,a',
        '--os-features',
        'a',
        '--os-version',
        '1>0&',
      ],
      ['annotate', '--os', 'windows', '--arch', '386', list, amd],
      ['inspect', list],
      ['push', list],
      ['annotate', '--arch', 'arm', list, arm],
      ['create', '-a', list, arm],
      ['push', list],
      ['create', `${host}/b/oci:SIDE`, oci, arm],
      ['push', '--purge', `${host}/b/oci:SIDE`],
      ['create', `${host}/SIDE/gone`, amd],
      ['rm', `${host}/SIDE/gone`],
    ]);
    const failed = said.filter(({ code }) => code !== 0);
    assert.deepEqual(
      failed.map(({ stderr }) => stderr),
      ['refusing to amend an existing manifest list with no --amend flag\n'],
    );
    assert.equal(Object.keys(files).length, 3);
    for (const name of ['SIDE/list:1', 'b/oci:SIDE']) {
      const [theirs, ours] = await Promise.all(
        CLIENTS.map((client) => textOf(`${host}/${own(client, name)}`)),
      );
      assert.equal(ours, theirs);
    }
  });

  test('what can be no list is refused with the same words, and leaves the same', async (t) => {
    const { host } = await filled(t);
    await putEmptyList(`${host}/a/list:1`);
    const [amd, arm] = [`${host}/a/amd:1`, `${host}/a/arm:1`];
    const list = `${host}/SIDE/list:1`;
    const gone = `sha256:${'a'.repeat(64)}`;
    const { said } = await same(t, [
      ['create', list, `${host}/a/list:1`],
      ['create', list, `${host}/a/amd:2`],
      ['create', list, `${host}/no/such:1`],
      ['create', list, `${host}/a/amd@${gone}`],
      ['create', list, 'UPPER'],
      ['create', 'UPPER', amd],
      ['push', list],
      ['rm', list, 'a b', `${host}/SIDE/other`],
      ['inspect', list, amd],
      ['annotate', list, amd, '--arch', 'arm'],
      ['annotate', 'UPPER', amd, '--arch', 'arm'],
      ['annotate', list, 'a b', '--arch', 'arm'],
      ['create', list, amd, arm],
      ['annotate', list, amd, '--os', 'plan9', '--arch', 'arm64'],
      ['annotate', list, amd, '--os', 'constructor'],
      ['create', `${host}/SIDE/artifact`, `${host}/b/artifact:1`],
      ['push', `${host}/SIDE/artifact`],
      ['create', 'other.example/SIDE/list:1', amd],
      ['push', 'other.example/SIDE/list:1'],
      ['inspect', 'other.example/SIDE/list:1'],
    ]);
    assert.equal(codesOf(said).filter((code) => code === 0).length, 3, String(codesOf(said)));
  });

  test('a blob that its repository has lost, or a manifest, is no part of a list', async (t) => {
    const { host, work } = await filled(t);
    const [lost, other] = [`${host}/a/amd:SIDE`, `${host}/SIDE/list`];
    const places = await Promise.all(CLIENTS.map(async (client) => ({ client, place: await settings(t) })));
    for (const { client, place } of places) {
      const created = await follow(place, client, [
        ['create', lost, `${host}/a/amd:1`],
        ['create', other, `${host}/a/arm:1`],
      ]);
      assert.deepEqual(codesOf(created), [0, 0]);
    }
    const repositories = `${work}/data/docker/registry/v2/repositories/a`;
    await rm(`${repositories}/amd/_manifests`, { recursive: true });
    await rm(`${repositories}/arm/_layers`, { recursive: true });
    const pushed: Said[][] = [];
    for (const { client, place } of places) {
      pushed.push(
        await follow(place, client, [
          ['push', lost],
          ['push', other],
        ]),
      );
    }
    assert.deepEqual(pushed[1], pushed[0]);
    assert.deepEqual(codesOf(pushed[1] ?? []), [1, 1]);
  });

  test('what one client has begun the other goes on with', async (t) => {
    const { host } = await filled(t);
    const digests: string[] = [];
    for (const first of CLIENTS) {
      const second = first === 'docker' ? 'wherry' : 'docker';
      const { run, directory } = await settings(t);
      const ok = async (client: Client, verb: string, ...args: readonly string[]): Promise<string> => {
        const { code, stdout, stderr } = await run(client, verb, ...args);
        assert.equal(code, 0, `${client} ${verb} ${args.join(' ')}: ${stderr}`);
        return stdout;
      };
      const list = `${host}/c/list`;
      await ok(first, 'create', list, `${host}/a/amd:1`);
      await ok(second, 'create', '--amend', list, `${host}/b/oci:1`);
      await ok(second, 'annotate', list, `${host}/a/amd:1`, '--variant', 'v2');
      assert.equal(await ok(first, 'inspect', list), await ok(second, 'inspect', list));
      digests.push(await ok(first, 'push', list), await ok(second, 'push', '-p', list));
      assert.deepEqual(await readdir(join(directory, 'manifests')), []);
    }
    assert.equal(new Set(digests).size, 1, digests.join('\n'));
    assert.match(digests[0] ?? '', /^(Pushed ref .*\n){2}sha256:[0-9a-f]{64}\n$/);
  });

  test('credentials are those of the settings', async (t) => {
    const { host } = await filled(t, { auth: 'password' });
    const image = `${host}/a/amd:1`;
    const said: Said[][] = [];
    for (const client of CLIENTS) {
      const place = await settings(t);
      const [refused] = await follow(place, client, [['create', `${host}/SIDE/list`, image]]);
      assert.equal(refused?.code, 1);
      assert.match(refused.stderr, /no basic auth credentials\n$/);
      const auth = Buffer.from('user:secret').toString('base64');
      await writeFile(join(place.directory, 'config.json'), JSON.stringify({ auths: { [host]: { auth } } }));
      const steps = [
        ['create', `${host}/SIDE/list`, image],
        ['push', `${host}/SIDE/list`],
      ];
      said.push(await follow(place, client, steps));
    }
    assert.deepEqual(said[1], said[0]);
    assert.deepEqual(codesOf(said[1] ?? []), [0, 0]);
  });

  test('a registry without TLS that is not of this machine is reached with --insecure alone', async (t) => {
    const script = 'ip link set lo up; ip address add 192.0.2.1/32 dev lo; echo; exec sleep 1000';
    const keeper = start(['unshare', '-n', 'sh', '-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const end = ended(keeper);
    t.after(async () => {
      keeper.kill('SIGKILL');
      await end;
    });
    if (keeper.stdout !== null) await once(keeper.stdout, 'data');
    keeper.stdout?.destroy();
    const netns = { address: '192.0.2.1', netnsPid: keeper.pid ?? -1 };
    const [full, registry] = [await filled(t), await startRegistry(t, netns)];
    await cp(join(full.work, 'data'), join(registry.work, 'data'), { recursive: true });
    const image = `${registry.host}/a/amd:1`;
    const digests: string[] = [];
    for (const client of CLIENTS) {
      const { run } = await settings(t, ['nsenter', `--net=/proc/${keeper.pid}/ns/net`, '--']);
      const list = `${registry.host}/${client}/list`;
      assert.equal((await run(client, 'create', list, image)).code, 1);
      const created = await run(client, 'create', '--insecure', list, image);
      assert.deepEqual(
        [created.code, created.stdout],
        [0, `Created manifest list ${list}:latest\n`],
        created.stderr,
      );
      assert.equal((await run(client, 'push', list)).code, 1);
      digests.push((await run(client, 'push', '--insecure', list)).stdout.replaceAll(client, 'SIDE'));
    }
    assert.equal(digests[1], digests[0]);
    assert.match(digests[0] ?? '', /\nsha256:[0-9a-f]{64}\n$/);
  });
});
