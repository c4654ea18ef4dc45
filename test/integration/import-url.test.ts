import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { ended, eventually, exec, start } from '../lib/process.ts';
import { clients, daemonSuite } from '../lib/suite.ts';
import { tarball } from '../lib/tarball.ts';

const PORT = 8099;
const URL_OF = (name: string): string => `http://127.0.0.1:${PORT}/${name}`;

const directory = await mkdtemp('/tmp/w-import-');

daemonSuite('import from a URL', (daemon) => {
  let server: ReturnType<typeof start> | undefined;
  before(async () => {
    const tar = tarball([
      { name: 'bin/' },
      { name: 'bin/busybox', data: await readFile('/bin/busybox'), mode: 0o755 },
      { name: 'big', data: Buffer.alloc(20_000_000, 'x') },
    ]);
    await writeFile(join(directory, 'root.tar'), tar);
    await writeFile(join(directory, 'root.tar.gz'), gzipSync(tar));
    const inside = ['nsenter', `--net=/proc/${daemon().netnsPid}/ns/net`, '--'];
    const httpd = ['busybox', 'httpd', '-f', '-p', `127.0.0.1:${PORT}`, '-h', directory];
    server = start([...inside, ...httpd]);
    const probe = [...inside, 'curl', '-s', '-o', '/dev/null', URL_OF('root.tar')];
    await eventually('the server answers', async () => (await exec(probe)).code === 0);
    await daemon().mark();
  });
  after(async () => {
    server?.kill();
    if (server !== undefined) await ended(server);
    await rm(directory, { recursive: true });
  });

  for (const client of clients) {
    test(`${client}: the archive is fetched by the daemon`, async () => {
      const changes = ['-c', 'CMD ["/bin/busybox", "echo", "there"]', '-m', 'why'];
      for (const [source, tag] of [
        [URL_OF('root.tar'), '1'],
        [URL_OF('root.tar.gz'), '2'],
      ] as const) {
        const told = await daemon().runOk(client, 'import', ...changes, source, `from-url:${tag}`);
        const id = await daemon().dockerOk('inspect', '-f', '{{.Id}} {{.Comment}}', `from-url:${tag}`);
        assert.equal(id, `${told.split('\n').at(-1)} why`);
        assert.equal(await daemon().dockerOk('run', '--rm', `from-url:${tag}`), 'there');
      }
      await daemon().runOk(client, 'rmi', 'from-url:1', 'from-url:2');
    });

    test(`${client}: what is not there is told in docker's words`, async () => {
      const refused = async (source: string): Promise<string> => {
        const { code, stderr } = await daemon().run(client, 'import', source, 'from-url:3');
        assert.notEqual(code, 0);
        return stderr;
      };
      assert.match(
        await refused(URL_OF('none')),
        /failed to GET http:\/\/127\.0\.0\.1:8099\/none with status 404 Not Found: /,
      );
      assert.match(
        await refused('http://127.0.0.1:8097/x'),
        /Get "http:\/\/127\.0\.0\.1:8097\/x": .*refused/i,
      );
    });
  }

  test('the download is told as docker tells it', async () => {
    const path = `/images/create?fromSrc=${encodeURIComponent(URL_OF('root.tar'))}&repo=told&tag=1`;
    const words = ['-s', '-X', 'POST', '--unix-socket', daemon().socket, `http://x/v1.41${path}`];
    const { stdout } = await exec(['curl', ...words]);
    const lines = stdout
      .trim()
      .split('\n')
      .map(
        (line) => JSON.parse(line) as { status: string; progressDetail?: { current: number; total: number } },
      );
    assert.equal(lines[0]?.status, `Downloading from ${URL_OF('root.tar')}`);
    const bars = lines
      .filter(({ status }) => status === 'Importing')
      .map(({ progressDetail }) => progressDetail);
    const last = bars.at(-1);
    assert.ok(
      bars.length > 1 && last !== undefined && last.current === last.total && last.total > 20_000_000,
    );
    assert.match(lines.at(-1)?.status ?? '', /^sha256:/);
    await daemon().dockerOk('rmi', 'told:1');
  });
});
