import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PlanBuilder } from '../../../runtime/plan/builder.ts';
import { encodePlan } from '../../../runtime/plan/encode.ts';
import type { IdMapping } from '../../../runtime/spec.ts';
import { writeMappings } from '../../../runtime/user-namespace.ts';
import { validateConfig, validateProcess } from '../../../runtime/validate/config.ts';

const REFUSED = { code: 'invalid-argument' } as const;
const MEGABYTE = 1 << 20;

const mappings = (count: number, from = 0): IdMapping[] =>
  Array.from({ length: count }, (_, index) => ({ containerID: from + index, hostID: from + index, size: 1 }));

const configWith = (change: Readonly<Record<string, unknown>>): unknown => ({
  ociVersion: '1.2.0',
  process: { args: ['a'], cwd: '/' },
  root: { path: '/' },
  linux: { namespaces: [{ type: 'mount' }, { type: 'user' }], ...change },
});

const validate = (value: unknown): ReturnType<typeof validateConfig> =>
  validateConfig(value, { bundle: '/', rootless: false });

function planOfMappings(each: readonly IdMapping[]): Buffer {
  const plan = new PlanBuilder();
  const pid = plan.call('open a process', 'pidfd_open', [1, 0], { save: true });
  writeMappings(plan, pid, { uidMappings: each, gidMappings: [] });
  plan.end();
  return encodePlan(plan.build());
}

describe('what is too large is refused and never cut (threat row 11)', () => {
  test('a thousand mappings', () => {
    const [many, few] = [mappings(1000), mappings(1)];
    for (const change of [
      { uidMappings: many, gidMappings: few },
      { uidMappings: few, gidMappings: many },
    ])
      assert.throws(() => validate(configWith(change)), {
        ...REFUSED,
        message: /linux\.[ug]idMappings: there are 1000 mappings, the kernel takes 340/,
      });
    assert.throws(() => planOfMappings(many), REFUSED);
  });

  test('as many as the kernel takes are there whole', () => {
    const most = mappings(340);
    const { spec } = validate(configWith({ uidMappings: most, gidMappings: most }));
    assert.deepEqual(spec.linux.uidMappings, most);
    const text = most.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}\n`).join('');
    assert.ok(planOfMappings(most).includes(text));
  });

  test('mappings that are longer than one write', () => {
    assert.throws(() => planOfMappings(mappings(300, 1_000_000_000)), {
      ...REFUSED,
      message: /the kernel takes/,
    });
  });

  test('mappings of a mount', () => {
    const mount = { destination: '/a', source: '/', options: ['bind'], uidMappings: mappings(1000) };
    assert.throws(() => validate({ ...(configWith({}) as object), mounts: [mount] }), {
      ...REFUSED,
      message: /mounts\[0\]\.uidMappings: there are 1000 mappings/,
    });
  });

  for (const [name, env] of [
    ['one variable of 10 MB', [`A=${'x'.repeat(10 * MEGABYTE)}`]],
    ['a million variables', Array.from({ length: 1_000_000 }, (_, index) => `V${index}=`)],
    ['characters of several bytes', [`A=${'あ'.repeat(3 * MEGABYTE)}`]],
  ] as const)
    test(`an environment: ${name}`, () => {
      assert.throws(() => validateProcess({ args: ['a'], cwd: '/', env }), {
        ...REFUSED,
        message: /^process: arguments and environment take \d+ bytes, .*argument list too long$/,
      });
    });

  test('an environment that the kernel takes is there whole', () => {
    const env = Array.from({ length: 40 }, (_, index) => `V${index}=${'x'.repeat(100_000)}`);
    assert.deepEqual(validateProcess({ args: ['a'], cwd: '/', env }).process.env, env);
    const plan = new PlanBuilder();
    for (const variable of env) plan.call('a string', 'chdir', [variable]);
    plan.end();
    const encoded = encodePlan(plan.build());
    for (const variable of env) assert.ok(encoded.includes(`${variable}\0`));
  });

  test('a plan of more bytes or steps than the interpreter has room for', () => {
    const large = new PlanBuilder();
    large.call('a string', 'chdir', ['x'.repeat(17 * MEGABYTE)]);
    large.end();
    assert.throws(() => encodePlan(large.build()), {
      ...REFUSED,
      message: /^The launch plan has 2 steps and/,
    });
    const long = new PlanBuilder();
    for (let step = 0; step <= 65_536; step += 1) long.call('a call', 'chdir', ['/']);
    long.end();
    assert.throws(() => encodePlan(long.build()), {
      ...REFUSED,
      message: /^The launch plan has 65538 steps/,
    });
  });
});
