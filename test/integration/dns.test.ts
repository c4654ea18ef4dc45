import assert from 'node:assert/strict';
import { test } from 'node:test';
import { daemonSuite } from '../lib/suite.ts';

daemonSuite('dns', (daemon) => {
  const docker = (...args: string[]): Promise<string> => daemon().dockerOk(...args);
  test('try', async () => {
    await docker('network', 'create', 'front');
    await docker('run', '-d', '--name', 'web', '--network', 'front', '--network-alias', 'www', 'busybox', 'sleep', '1000');
    console.log(await docker('exec', 'web', 'cat', '/etc/resolv.conf'));
    console.log(await daemon().docker('exec', 'web', 'nslookup', 'web'));
    console.log(await daemon().docker('exec', 'web', 'nslookup', 'www'));
    console.log(await daemon().docker('exec', 'web', 'nslookup', 'nowhere.example'));
    console.log(await daemon().docker('run', '--rm', '--network', 'front', 'busybox', 'nslookup', 'web.front'));
    console.log(await daemon().docker('exec', 'web', 'netstat', '-aun'));
    console.log(await daemon().log());
    await docker('rm', '-f', 'web');
    await docker('network', 'rm', 'front');
    assert.ok(true);
  });
});
