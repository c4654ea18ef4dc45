import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { built } from '../lib/clients.ts';
import { startDaemon } from '../lib/daemon.ts';
import { openBench } from '../lib/dropin.ts';
import { exec } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';
import { pairAt } from '../lib/wctr.ts';

const NEEDS = requires('root', 'ctr', 'unshare', 'busybox', 'docker-client', 'nftables');

describe('wctr beside ctr, against our own daemon', NEEDS, () => {
  test('namespaces, leases, containers; what docker runs is in moby', async (t) => {
    const bench = await openBench();
    t.after(() => bench[Symbol.asyncDispose]());
    const daemon = await startDaemon(t);
    const address = join(daemon.execRoot, 'containerd.sock');
    const { same, wctr } = await pairAt(bench, address);
    const spec = join(bench.directory, 'spec.json');
    await bench.run(['sh', '-c', `ctr oci spec > ${spec}`]);
    for (const command of [
      'leases create --id l1 a=b',
      'leases ls',
      'leases rm l1',
      'leases rm l1',
      `containers create --config ${spec} --label a=b c1`,
      `containers create --config ${spec} c1`,
      'containers ls',
      'containers ls -q labels.a==b',
      'containers info --spec c1',
      'containers label c1 a=c',
      'containers rm c1',
      'containers ls',
      'namespaces create /bad',
      'namespaces rm none',
      'plugins ls -q',
    ])
      await same(command);
    const id = await daemon.dockerOk('run', '-d', 'busybox', 'sleep', '1000');
    // The address by the environment, as ctr has it.
    const env = { ...process.env, CONTAINERD_ADDRESS: address, CONTAINERD_NAMESPACE: 'moby' };
    const { stdout } = await exec([built('wctr'), 'c', 'ls', '-q'], { env });
    assert.equal(stdout, `${id}\n`);
    assert.match((await wctr('version')).stdout, /^Server:\n +Version: +\S+\n/m);
    const late = await exec([built('wctr'), '-a', '/none.sock', 'ns', 'ls'], { env });
    assert.equal(late.code, 1);
    assert.match(late.stderr, /^wctr: failed to dial: connect ENOENT \/none\.sock/);
  });
});
