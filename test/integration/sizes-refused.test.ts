import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { daemonSuite } from '../lib/suite.ts';

/** What holds containers and volumes to their sizes is in test/vm and project-quota.test.ts: not every host's kernel has project quotas. */
daemonSuite('a file system without project quotas', (daemon) => {
  const refused = async (...args: string[]): Promise<string> => {
    const { code, stderr } = await daemon().docker(...args);
    assert.notEqual(code, 0, args.join(' '));
    return stderr.trim();
  };

  test('a volume of some size is refused in docker’s words, with the file system that can’t', async () => {
    assert.match(
      await refused('volume', 'create', '-o', 'size=10m', 'none'),
      /: create none: quota size requested but no quota support: ".*\/volumes\/none" is on [\w.]+ and has no project quotas$/,
    );
    assert.equal(await daemon().dockerOk('volume', 'ls', '-q'), '');
    assert.deepEqual(await readdir(join(daemon().dataRoot, 'volumes')), []);
    await daemon().dockerOk('volume', 'create', '-o', 'size=0', 'any');
    assert.equal(await daemon().dockerOk('volume', 'rm', 'any'), 'any');
  });

  test('a container of some size is, too', async () => {
    assert.match(
      await refused('create', '--storage-opt', 'size=10m', 'busybox'),
      /: --storage-opt is supported only for overlay over xfs with 'pquota' mount option: ".*" is on [\w.]+ and has no project quotas$/,
    );
    assert.match(await refused('create', '--storage-opt', 'size=lots', 'busybox'), /: invalid size: 'lots'$/);
    assert.equal(await daemon().dockerOk('ps', '-aq'), '');
    const id = await daemon().dockerOk('create', '--storage-opt', 'size=0', 'busybox');
    assert.equal(await daemon().dockerOk('inspect', '-f', '{{.HostConfig.StorageOpt.size}}', id), '0');
  });
});
