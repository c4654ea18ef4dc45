import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WherryError } from '../../common/errors.ts';
import { defaultSpec } from '../../runtime/default-spec.ts';
import { CAPABILITIES } from '../../runtime/security/capabilities.ts';
import { defaultSeccomp } from '../../runtime/security/seccomp-profile.ts';
import { validateConfig } from '../../runtime/validate/config.ts';

const SEED = 20_261_121;
const ROUNDS = 4000;

/** What stands in somebody's configuration by mistake, or on purpose. */
const STRANGE: readonly unknown[] = [
  ...[null, true, -1, 0, 1.5, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 64, 1e308, 2n ** 64n, -1n],
  ...['', ' ', '\0', '/', '..', 'a=b', '1000:x', '\ud800', '/proc/self/ns/net', 'x'.repeat(70_000)],
  ...[[], {}, [null], [[]], [{}], { type: null }, { __proto__: null }, JSON.parse('{"__proto__":{"a":1}}')],
];

/** Numbers from 0 to below 1 that are the same in each run (mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

type Container = Record<string, unknown>;
interface Place {
  readonly container: Container;
  readonly key: string;
}

function placesOf(container: Container): Place[] {
  return Object.keys(container).flatMap((key) => {
    const inner = container[key];
    const own = { container, key };
    return typeof inner === 'object' && inner !== null ? [own, ...placesOf(inner as Container)] : [own];
  });
}

/** JSON's arrays have no holes. */
function remove({ container, key }: Place): void {
  if (Array.isArray(container)) container.splice(Number(key), 1);
  else delete container[key];
}

function seedConfig(): Container {
  const spec = defaultSpec({
    capabilities: CAPABILITIES,
    privileged: false,
    shmSizeBytes: 65_536,
    ownNetwork: true,
    cpus: 2,
  });
  const hook = { path: '/bin/true', args: ['true'], env: ['A=b'], timeout: 5 };
  const mapping = [{ containerID: 0, hostID: 0, size: 1000 }];
  const config: unknown = structuredClone({
    ...spec,
    root: { path: '/' },
    hostname: 'a',
    hooks: { prestart: [hook], poststop: [hook] },
    annotations: { a: 'b' },
    process: {
      ...spec.process,
      args: ['sh'],
      env: ['PATH=/bin'],
      rlimits: [{ type: 'RLIMIT_CORE', soft: 0, hard: 0 }],
      scheduler: { policy: 'SCHED_OTHER', nice: 1, flags: [] },
      ioPriority: { class: 'IOPRIO_CLASS_BE', priority: 1 },
      execCPUAffinity: { initial: '0-1', final: '0' },
    },
    linux: {
      ...spec.linux,
      namespaces: [...spec.linux.namespaces, { type: 'user' }, { type: 'time' }],
      uidMappings: mapping,
      gidMappings: mapping,
      timeOffsets: { boottime: { secs: 1, nanosecs: 1 } },
      netDevices: { eth7: { name: 'eth0' } },
      sysctl: { 'net.core.somaxconn': '1' },
      seccomp: defaultSeccomp(CAPABILITIES, 'x64'),
      resources: {
        memory: { limit: 1, swap: 1 },
        cpu: { shares: 2, cpus: '0' },
        pids: { limit: 1 },
        hugepageLimits: [{ pageSize: '2MB', limit: 1 }],
        rdma: { mlx: { hcaHandles: 1 } },
        unified: { 'memory.high': '1' },
      },
    },
  });
  return config as Container;
}

test('the configuration that is changed is sound', () => {
  validateConfig(seedConfig(), { bundle: '/', rootless: false });
});

test('whatever is in a configuration, it is read or refused', { timeout: 60_000 }, () => {
  const random = randomNumbers(SEED);
  const below = (most: number): number => Math.floor(random() * most);
  let refused = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const config = seedConfig();
    for (let changes = 1 + below(4); changes > 0; changes -= 1) {
      const places = placesOf(config);
      const { container, key } = places[below(places.length)] ?? { container: config, key: 'linux' };
      const other = places[below(places.length)];
      const kind = below(4);
      if (kind === 0) remove({ container, key });
      else if (kind === 1 && other !== undefined)
        container[key] = structuredClone(other.container[other.key]);
      else container[key] = structuredClone(STRANGE[below(STRANGE.length)]);
    }
    try {
      validateConfig(config, { bundle: '/', rootless: below(2) === 0 });
    } catch (error) {
      assert.ok(error instanceof WherryError && error.code === 'invalid-argument', String(error));
      assert.ok(error.message.length < 20_000, 'the message is bounded');
      refused += 1;
    }
  }
  assert.ok(refused > ROUNDS / 2, `only ${refused} of ${ROUNDS} were refused`);
});
