import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDaemon } from '../lib/daemon.ts';
import { onLoop } from '../lib/loop-file-system.ts';
import { MIB, quotasOf, quotaStories } from '../lib/quotas.ts';
import { requires } from '../lib/requires.ts';
import { daemonSuite } from '../lib/suite.ts';

/** Those of ext4 are in test/vm/daemon.test.ts, which CI runs. */
daemonSuite('project quotas of xfs', quotaStories, {
  furnish: onLoop('xfs-projects'),
  needs: ['xfs-projects'],
});

test(
  'a daemon that is killed at any step leaves no project behind',
  requires('root', 'busybox', 'overlay', 'ext4-projects'),
  async (t) => {
    const daemon = await startDaemon(t, { furnish: onLoop('ext4-projects') });
    const quotas = quotasOf(() => daemon);
    const { call, makeVolume, createContainer, volumeProject, rootProject, limitOf, gone } = quotas;
    const next = async (failpoint: string): Promise<void> => {
      await daemon.kill9();
      await daemon.restart({ failpoint });
    };
    const dies = async (asked: Promise<unknown>): Promise<void> => {
      await assert.rejects(asked, /socket hang up|ECONNRESET/);
      await daemon.exited();
    };
    assert.match(await call('GET', '/info'), /"Volume Sizes","project quotas"/);
    await next('volume.create.limited=kill');
    await dies(makeVolume('killed', '10m'));
    const project = volumeProject('killed');
    assert.equal(limitOf(project), 10 * MIB);
    await next('volume.remove.files=kill');
    await makeVolume('killed', '10m');
    assert.deepEqual([volumeProject('killed'), limitOf(project)], [project, 10 * MIB]);
    await dies(call('DELETE', '/volumes/killed'));
    await next('snapshot.limited=kill');
    await gone(project);
    await dies(createContainer('true', { StorageOpt: { size: '8M' } }));
    const ofRoot = await rootProject();
    assert.equal(limitOf(ofRoot), 8 * MIB);
    await next('');
    await gone(ofRoot);
    assert.deepEqual(JSON.parse(await call('GET', '/containers/json?all=1')), []);
  },
);
