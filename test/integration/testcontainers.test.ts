import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { execPath } from 'node:process';
import { fileURLToPath } from 'node:url';
import { importDebianImages } from '../lib/debian-images.ts';
import { eventually, execOk } from '../lib/process.ts';
import { daemonSuite } from '../lib/suite.ts';

const TOUR = fileURLToPath(new URL('../lib/testcontainers-tour.ts', import.meta.url));

/** npm's testcontainers, unmodified, on the daemon's host: test/lib/testcontainers-tour.ts. */
daemonSuite('testcontainers', (daemon) => {
  const tour = (story: string, env: NodeJS.ProcessEnv): Promise<string> => {
    const enter = ['nsenter', `--net=/proc/${daemon().netnsPid}/ns/net`, '--'];
    const argv = [...enter, execPath, '--disable-warning=ExperimentalWarning', TOUR, story];
    const HOST = { DOCKER_HOST: `unix://${daemon().socket}`, TESTCONTAINERS_HOST_OVERRIDE: 'localhost' };
    const own = { ...HOST, TMPDIR: daemon().directory, NODE_TEST_CONTEXT: undefined, ...env };
    return execOk(argv, { env: { ...process.env, ...own }, timeoutMs: 120_000 });
  };
  before(async () => {
    await importDebianImages(daemon(), ['ryuk']);
    await daemon().mark();
  });

  for (const story of ['waitStrategies', 'settings', 'networks', 'life'])
    test(story, async () => {
      assert.equal(await tour(story, { TESTCONTAINERS_RYUK_DISABLED: 'true' }), 'all good');
      if (story === 'life') await daemon().docker('rmi', '-f', 'kept:one');
    });

  test('what a process leaves its reaper removes', async () => {
    assert.match(await tour('abandon', { RYUK_CONTAINER_IMAGE: 'ryuk:debian' }), /^left [0-9a-f]{64}$/);
    const left = async (): Promise<string[]> => [
      await daemon().dockerOk('ps', '-aq'),
      await daemon().dockerOk('network', 'ls', '-q', '--filter', 'type=custom'),
    ];
    await eventually('nothing is left', async () => (await left()).join('') === '', 60_000);
  });
});
