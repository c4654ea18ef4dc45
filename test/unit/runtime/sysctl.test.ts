import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { checkSysctl } from '../../../runtime/rootfs/sysctl.ts';
import { requires } from '../../lib/requires.ts';
import { dockerSpec, makeBench, run, runPlan } from './container.ts';

describe('a sysctl is of a namespace', () => {
  for (const [name, namespace] of [
    ['kernel.shmmax', 'ipc'],
    ['kernel/sem', 'ipc'],
    ['kernel.shm_rmid_forced', 'ipc'],
    ['fs.mqueue.msg_max', 'ipc'],
    ['net.ipv4.ip_forward', 'network'],
    ['net/ipv4/conf/eth0.1/forwarding', 'network'],
    ['kernel.domainname', 'uts'],
    ['user.max_user_namespaces', 'user'],
  ] as const) {
    test(`${name}: ${namespace}`, () => {
      checkSysctl(name, new Set([namespace]));
      assert.throws(() => checkSysctl(name, new Set(['mount'])), { code: 'invalid-argument' });
    });
  }
});

describe('a sysctl of the host is refused in the words of runc', () => {
  const all = new Set(['ipc', 'network', 'uts', 'user', 'pid', 'mount', 'cgroup']);
  const none = new Set<string>();
  for (const [name, own, message] of [
    ['kernel.panic', all, 'sysctl "kernel.panic" is not in a separate kernel namespace'],
    ['vm.swappiness', all, 'sysctl "vm.swappiness" is not in a separate kernel namespace'],
    ['net/../kernel/panic', all, 'sysctl "net/../kernel/panic" is not in a separate kernel namespace'],
    ['user..x', all, 'sysctl "user..x" is not in a separate kernel namespace'],
    ['kernel.msgmax', none, 'sysctl "kernel.msgmax" is not allowed in the hosts ipc namespace'],
    ['net.core.somaxconn', none, 'sysctl "net.core.somaxconn" not allowed in host network namespace'],
    [
      'kernel.hostname',
      all,
      'sysctl "kernel.hostname" is not allowed as it conflicts with the OCI "hostname" field',
    ],
  ] as const) {
    test(name, () => {
      assert.throws(() => checkSysctl(name, own), { code: 'invalid-argument', message });
    });
  }
});

describe('sysctls', requires('root', 'busybox', 'overlay'), () => {
  test('are set in the namespaces of the container', async (t) => {
    const script = 'cat /proc/sys/kernel/shmmni /proc/sys/fs/mqueue/msg_max /proc/sys/net/ipv4/ip_forward';
    const { stdout } = await run(t, script, (spec) => {
      spec.linux.sysctl = {
        'kernel.shmmni': '77',
        'fs.mqueue.msg_max': '11',
        'net/ipv4/ip_forward': '1',
      };
    });
    assert.equal(stdout, '77\n11\n1\n');
  });

  test('without a /proc in the configuration nothing is written', async (t) => {
    const bench = await makeBench(
      t,
      dockerSpec('true', (spec) => {
        spec.mounts = spec.mounts.filter(({ destination }) => destination !== '/proc');
        spec.linux.sysctl = { 'net.ipv4.ip_forward': '1' };
        spec.linux.maskedPaths = [];
        spec.linux.readonlyPaths = [];
      }),
    );
    mkdirSync(join(bench.lower, 'proc/sys/net/ipv4'), { recursive: true });
    writeFileSync(join(bench.lower, 'proc/sys/net/ipv4/ip_forward'), 'false one');
    const { failure } = await runPlan(bench);
    assert.equal(failure, 'Cannot set sysctls in "/proc", which is no procfs: EPERM');
  });
});
