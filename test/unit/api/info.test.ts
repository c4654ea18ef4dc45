import assert from 'node:assert/strict';
import { test } from 'node:test';
import { showInfo, type DoorInfo } from '../../../daemon/api/docker/convert/system.ts';
import { acceptVersion } from '../../../daemon/api/docker/versions.ts';
import type { EngineInfo } from '../../../daemon/core/contract.ts';
import { fakeEngine } from '../../lib/fake-engine.ts';

interface Shown {
  readonly SecurityOptions: readonly string[];
  readonly Warnings: readonly string[] | null;
  readonly Containerd?: object;
}

const DOOR: DoorInfo = {
  ...{ debug: false, logDriver: 'json-file', registries: { mirrors: [], insecure: [] }, cdiDirectories: [] },
  ...{ seccompProfile: undefined, hosts: ['unix:///s', 'tcp://h:2375'], tls: { verify: true } },
};

function shown(door: Partial<DoorInfo> = {}, engine: Partial<EngineInfo> = {}, version = '1.51'): Shown {
  const fake = fakeEngine();
  const info = (): EngineInfo => ({ ...fake.info(), ...engine });
  return showInfo({ ...fake, info }, { ...DOOR, ...door }, acceptVersion(version)) as Shown;
}

test('security options are what containers have that ask for nothing', () => {
  const cases: [door: Partial<DoorInfo>, engine: Partial<EngineInfo>, options: string[]][] = [
    [{}, {}, ['name=seccomp,profile=builtin']],
    [{ seccompProfile: '/p.json' }, {}, ['name=seccomp,profile=/p.json']],
    [
      { seccompProfile: 'unconfined' },
      { hasAppArmor: true, ownCgroupNamespace: true, noNewPrivileges: true },
      ['name=apparmor', 'name=seccomp,profile=unconfined', 'name=cgroupns', 'name=no-new-privileges'],
    ],
  ];
  for (const [door, engine, options] of cases) assert.deepEqual(shown(door, engine).SecurityOptions, options);
});

test('a door that is open to everybody, and a profile that is not the own one, are warned of', () => {
  assert.equal(shown().Warnings, null);
  assert.equal(shown({ tls: undefined, hosts: ['unix:///s'] }).Warnings, null);
  const [open] = shown({ tls: undefined }).Warnings ?? [];
  assert.match(
    open ?? '',
    /^\[DEPRECATION NOTICE\]: API is accessible on http:\/\/h:2375 without encryption\.\n/,
  );
  const [unverified] = shown({ tls: { verify: false } }).Warnings ?? [];
  assert.match(unverified ?? '', /accessible on https:\/\/h:2375 without TLS client verification\.\n/);
  assert.deepEqual(shown({ seccompProfile: 'unconfined' }).Warnings, [
    'WARNING: daemon is not using the default seccomp profile',
  ]);
});

test("containerd's address is of API 1.46", () => {
  const address = { Address: '/run/wherry/containerd.sock' };
  const namespaces = { Namespaces: { Containers: 'moby', Plugins: 'plugins.moby' } };
  assert.deepEqual(shown().Containerd, { ...address, ...namespaces });
  assert.equal(shown({}, {}, '1.45').Containerd, undefined);
});
