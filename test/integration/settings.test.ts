import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { CLIENTS, type Client } from '../lib/clients.ts';
import { exec } from '../lib/process.ts';
import { daemonSuite } from '../lib/suite.ts';

const SETTINGS = {
  psFormat: 'table {{.Names}}\\t{{.State}}',
  imagesFormat: '{{.Repository}}!',
  networksFormat: '{{.Name}} {{.Driver}}',
  volumesFormat: '{{.Name}}|{{.Driver}}',
  statsFormat: '{{.Name}} has stats',
  detachKeys: 'ctrl-x,x',
  HttpHeaders: { 'X-Team': 'harbour' },
  proxies: { default: { httpProxy: 'http://proxy:3128', noProxy: '*.test' } },
};

daemonSuite("docker's config.json", (daemon) => {
  const run = async (client: Client, ...args: string[]): Promise<string> => {
    const directory = join(daemon().directory, 'settings');
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, 'config.json'), JSON.stringify(SETTINGS));
    const env = { ...process.env, DOCKER_CONFIG: directory, DOCKER_HOST: '', DOCKER_CLI_HINTS: 'false' };
    const { code, stdout, stderr } = await exec(daemon().argv(client, ...args), { env });
    assert.equal(code, 0, stderr);
    return stdout;
  };

  test('sets the formats of lists and the proxies of containers, for both clients alike', async () => {
    for (const client of CLIENTS)
      await run(client, 'create', '--name', client, '-e', 'no_proxy=mine', 'busybox');
    const list = ['inspect', '-f', '{{range .Config.Env}}{{println .}}{{end}}'];
    const [theirs, ours] = await Promise.all(CLIENTS.map((client) => run(client, ...list, client)));
    const sorted = (text = ''): string[] => text.split('\n').toSorted();
    assert.deepEqual(sorted(ours), sorted(theirs));
    assert.match(ours ?? '', /^HTTP_PROXY=http:\/\/proxy:3128$/m);
    const lists: readonly (readonly string[])[] = [
      ['ps', '-a'],
      ['ps', '-aq'],
      ['images'],
      ['images', '-q'],
      ['network', 'ls'],
      ['network', 'ls', '-q'],
      ['volume', 'ls'],
      ['stats', '-a', '--no-stream'],
    ];
    for (const words of lists) {
      const [docker, wherry] = await Promise.all(CLIENTS.map((client) => run(client, ...words)));
      assert.deepEqual(sorted(wherry), sorted(docker), words.join(' '));
    }
  });

  test('one that is no JSON is told, and does not stop the work', async () => {
    const directory = join(daemon().directory, 'broken');
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, 'config.json'), '{');
    for (const client of CLIENTS) {
      const env = { ...process.env, DOCKER_CONFIG: directory, DOCKER_HOST: '' };
      const { code, stderr } = await exec(daemon().argv(client, 'ps', '-q'), { env });
      assert.equal(code, 0);
      assert.match(stderr, /^WARNING: Error (loading|parsing) config file/);
    }
  });
});
