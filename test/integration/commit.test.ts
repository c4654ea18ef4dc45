import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { env } from 'node:process';
import { test } from 'node:test';
import { eventually, execOk } from '../lib/process.ts';
import { daemonSuite } from '../lib/suite.ts';

/** What programs do to a root; the stories hold on Debian's dockerd as well (WHERRY_TEST_PEER=1). */
const SCRIPT = `
echo new > /root/new
mkdir -p /made/deep && echo x > /made/deep/file
chmod 700 /etc/passwd
chown 5:6 /etc/group
rm /etc/shadow
rm -r /var/www
mkdir /var/www && echo again > /var/www/index
ln -s /root/new /root/link
ln /root/new /root/same
mkfifo /root/pipe
touch -d @1000000000 /root/old
rm -r /home && echo file > /home
touch /usr/bin/.x && rm /usr/bin/.x
`;

const CHANGES = [
  ...['A /made', 'A /made/deep', 'A /made/deep/file'],
  ...['A /root', 'A /root/link', 'A /root/new', 'A /root/old', 'A /root/pipe', 'A /root/same'],
  ...['C /etc', 'C /etc/group', 'C /etc/passwd', 'D /etc/shadow'],
  ...['A /var/www/index', 'C /home', 'C /var', 'C /var/www'],
];

/** What docker puts into every container. */
const OF_DOCKER = / (dev|proc|sys|\.dockerenv|etc\/(mtab|hosts|hostname|resolv\.conf))(\/|$| ->)/;

/** Debian's is of 2020. */
const ARCHIVES = env['WHERRY_TEST_PEER'] === undefined ? ['', '.gz', '.zst'] : ['', '.gz'];

daemonSuite('what containers change', (daemon) => {
  const docker = (...args: string[]): Promise<string> => daemon().dockerOk(...args);
  const changed = async (): Promise<string> => {
    await docker('run', '--name', 'changed', 'busybox', 'sh', '-c', `mkdir -p /root; ${SCRIPT}`);
    return 'changed';
  };

  test('diff names what was added, modified and deleted, and the directories above', async () => {
    const lines = (await docker('diff', await changed())).split('\n').sort();
    // Where /root is part of the image, it was modified.
    const shown = lines.map((line) => (line === 'C /root' ? 'A /root' : line)).sort();
    assert.deepEqual(shown, [...CHANGES].sort());
  });

  test('a commit has the same root as the container', async () => {
    const container = await changed();
    const image = await docker('commit', container, 'made:1');
    const copy = await docker('create', image, 'true');
    const listing = async (id: string): Promise<string> => {
      const file = join(daemon().directory, `${id}.tar`);
      await docker('export', '-o', file, id);
      return execOk(['tar', '-t', '--full-time', '--numeric-owner', '-v', '-f', file]);
    };
    const [before, after] = [await listing(container), await listing(copy)].map((listed) =>
      listed
        .split('\n')
        // Sub-seconds, which docker drops, and times of directories in which docker itself makes files.
        .map((line) => line.replace(/\.\d+ /, ' ').replace(/^(d.*) \S+ \S+( \S+\/)$/, '$1$2'))
        .filter((line) => !OF_DOCKER.test(line)),
    );
    assert.ok((before ?? []).length > 100);
    assert.deepEqual([...new Set(before).symmetricDifference(new Set(after))], []);
    await docker('rm', copy);
    await docker('rmi', 'made:1');
  });

  test('a commit that changed nothing makes no layer', async () => {
    const layers = async (image: string): Promise<unknown> =>
      JSON.parse(await docker('image', 'inspect', '-f', '{{json .RootFS.Layers}}', image));
    const container = await docker('create', 'busybox', 'true');
    const image = await docker('commit', '-m', 'nothing', container, 'same:1');
    assert.deepEqual(await layers(image), await layers('busybox'));
    const history = await docker('history', '--format', '{{.Size}} {{.Comment}}', 'same:1');
    assert.equal(history.split('\n')[0], '0B nothing');
    await docker('rmi', 'same:1');
  });

  test('a commit keeps the configuration of the container, and takes changes', async () => {
    const flags = ['-e', 'A=1', '-u', '5', '-w', '/tmp', '-l', 'l=1', '--stop-signal', 'USR1'];
    const container = await docker('create', ...flags, 'busybox', 'echo', 'hi');
    const changes = [
      'ENV B=$A',
      'EXPOSE 80 53/udp',
      'LABEL m="x y"',
      'VOLUME /data',
      'ONBUILD RUN true',
      'HEALTHCHECK --interval=5s CMD true',
      'ENTRYPOINT ["e"]',
    ];
    const image = await docker('commit', ...changes.flatMap((change) => ['-c', change]), container);
    const format =
      '{{json .Config.Cmd}} {{json .Config.Entrypoint}} {{json .Config.ExposedPorts}} {{json .Config.Volumes}} ' +
      '{{json .Config.OnBuild}} {{json .Config.Healthcheck}} {{json .Config.Labels}} {{.Config.User}} ' +
      '{{.Config.WorkingDir}} {{.Config.StopSignal}}';
    assert.equal(
      await docker('image', 'inspect', '-f', format, image),
      'null ["e"] {"53/udp":{},"80/tcp":{}} {"/data":{}} ["RUN true"] ' +
        '{"Test":["CMD-SHELL","true"],"Interval":5000000000} {"l":"1","m":"x y"} 5 /tmp USR1',
    );
    const env = JSON.parse(await docker('image', 'inspect', '-f', '{{json .Config.Env}}', image)) as string[];
    assert.ok(env.includes('A=1') && env.includes('B=1'));
    await docker('rmi', image);
  });

  const refused: readonly [what: string, args: string[], message: RegExp][] = [
    ['an unknown change', ['-c', 'RUN true'], /(RUN|run) is not a valid change command/],
    ['a change without an argument', ['-c', 'ENV A'], /ENV must have two arguments/],
    ['a name with a digest', ['x@sha256:' + 'a'.repeat(64)], /./],
    ['a name in capitals', ['UPPER'], /must be lowercase/],
  ];
  for (const [what, args, message] of refused) {
    test(`a commit with ${what} is refused`, async () => {
      const container = await docker('create', 'busybox', 'true');
      const options = args[0] === '-c' ? args : [];
      const names = args[0] === '-c' ? [] : args;
      const { code, stderr } = await daemon().run('docker', 'commit', ...options, container, ...names);
      assert.equal(code, 1);
      assert.match(stderr, message);
    });
  }

  test('a running container stands still while it is committed, and goes on', async () => {
    const container = await docker('run', '-d', 'busybox', 'sh', '-c', 'while :; do date >> /t; done');
    await eventually(
      'it has begun',
      async () => (await docker('exec', container, 'sh', '-c', 'cat /t; true')) !== '',
    );
    const image = await docker('commit', container, 'live:1');
    assert.equal(
      await docker('inspect', '-f', '{{.State.Running}} {{.State.Paused}}', container),
      'true false',
    );
    assert.match(await docker('run', '--rm', image, 'cat', '/t'), /\d/);
    await docker('rm', '-f', container);
    await docker('rmi', 'live:1');
  });

  test('commit and export are told as events', async () => {
    const container = await docker('create', '--name', 'told', 'busybox', 'true');
    const since = String(Math.floor(Date.now() / 1000) - 1);
    await docker('commit', '-m', 'why', container, 'told:1');
    await docker('export', '-o', join(daemon().directory, 'told.tar'), container);
    const until = String(Math.ceil(Date.now() / 1000) + 1);
    const format = '{{.Type}} {{.Action}} {{index .Actor.Attributes "comment"}}';
    const events = await docker('events', '--since', since, '--until', until, '--format', format);
    const seen = events.split('\n').map((line) => line.replace('<no value>', '').trim());
    for (const event of ['container commit why', 'image tag', 'container export']) {
      assert.ok(seen.includes(event), `${event} in ${seen.join(', ')}`);
    }
    await docker('rmi', 'told:1');
  });

  test('an import has one layer: the archive itself', async (t) => {
    const directory = await mkdtemp('/tmp/import-');
    t.after(() => rm(directory, { recursive: true }));
    const file = join(directory, 'root.tar');
    const script = `mkdir -p $D/r/bin && cp /bin/busybox $D/r/bin/busybox && tar -C $D/r -cf $D/root.tar . && gzip -k $D/root.tar && zstd -q $D/root.tar`;
    await execOk(['env', `D=${directory}`, 'sh', '-ec', script]);
    const sum = (await execOk(['sha256sum', file])).split(' ')[0];
    for (const suffix of ARCHIVES) {
      const image = await docker(
        'import',
        '-c',
        'CMD ["/bin/busybox", "echo", "in"]',
        '-m',
        'msg',
        file + suffix,
      );
      const format = '{{json .RootFS.Layers}} {{.Comment}} {{.Os}}';
      assert.equal(await docker('image', 'inspect', '-f', format, image), `["sha256:${sum}"] msg linux`);
      assert.equal(await docker('run', '--rm', image), 'in');
      await docker('rmi', image);
    }
  });
});
