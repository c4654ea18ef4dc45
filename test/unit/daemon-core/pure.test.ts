import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkName, generateName } from '../../../daemon/core/containers/names.ts';
import { mergeConfig, overrideEnv } from '../../../daemon/core/containers/merge.ts';
import { LaunchFailure, execFailure, startFailure } from '../../../daemon/core/containers/start-failure.ts';
import { parseCpuList } from '../../../daemon/core/containers/cpu-list.ts';
import { validateRequest } from '../../../daemon/core/containers/validate.ts';
import type { HostOptions, HostResources } from '../../../daemon/core/contract.ts';
import { detachKeysFor, parseDetachKeys } from '../../../daemon/core/detach-keys.ts';
import { parseSignal } from '../../../daemon/core/signals.ts';
import { notFound } from '../../../common/errors.ts';
import { ALL_LIMITS, exampleRequest } from '../../lib/examples.ts';

for (const [text, bytes] of [
  ['ctrl-p,ctrl-q', [16, 17]],
  ['ctrl-@', [0]],
  ['ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_', [27, 28, 29, 30, 31]],
  ['a', [97]],
  ['a,DEL,Z', [97, 127, 90]],
  ['', []],
] as const) {
  test(`detach keys ${JSON.stringify(text)}`, () => assert.deepEqual([...parseDetachKeys(text)], bytes));
}

for (const text of ['ctrl-P', 'ab', 'ctrl-', 'ctrl-1', ',', 'ü', Array(33).fill('a').join()]) {
  test(`no detach keys: ${text}`, () =>
    assert.throws(() => parseDetachKeys(text), { message: `Invalid detach keys (${text}) provided` }));
}

test('detach keys count on terminals only', () => {
  assert.deepEqual([...detachKeysFor(true, undefined)], [16, 17]);
  assert.deepEqual([...detachKeysFor(true, 'a')], [97]);
  assert.deepEqual([...detachKeysFor(false, 'a')], []);
});

for (const [text, number] of [
  ['KILL', 9],
  ['SIGKILL', 9],
  ['sigterm', 15],
  ['9', 9],
  ['CLD', 17],
  ['RTMIN', 34],
  ['SIGRTMIN+3', 37],
  ['RTMAX-14', 50],
  ['RTMAX', 64],
] as const) {
  test(`signal ${text}`, () => assert.equal(parseSignal(text), number));
}

for (const text of ['', '0', 'SIG', 'KILLED', 'RTMIN-1', 'RTMAX+1', 'RTMIN+31', '-9', '9x']) {
  test(`no signal: "${text}"`, () =>
    assert.throws(() => parseSignal(text), { code: 'invalid-argument', message: `invalid signal: ${text}` }));
}

test('a signal beyond the last one', () =>
  assert.throws(() => parseSignal('65'), { message: 'the linux daemon does not support signal 65' }));

test('names: the grammar, and generated ones', () => {
  for (const name of ['ab', 'A1_.-', '/ab', '0x']) assert.equal(checkName(name), name.replace('/', ''));
  for (const name of ['a', '-ab', 'a b', 'ä1', 'a/b', '//ab', '/']) {
    assert.throws(() => checkName(name), {
      message: `Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
    });
  }
  for (let n = 0; n < 200; n += 1)
    assert.match(
      generateName(() => false, 'x'),
      /^[a-z]+_[a-z]+$/,
    );
  const seen: string[] = [];
  assert.equal(
    generateName((name) => seen.push(name) > 0, 'fallback'),
    'fallback',
  );
  assert.match(seen.at(-1) ?? '', /^[a-z]+_[a-z]+\d$/);
});

test('a generated name is a valid one', () => assert.ok(checkName(generateName(() => false, 'x'))));

const request = { ...exampleRequest(), cmd: undefined, env: [], labels: {}, hostname: '' };

test('merging: the image fills in what the request leaves out', () => {
  const image = {
    ...{
      Entrypoint: ['/entry'],
      Cmd: ['serve'],
      Env: ['A=image', 'B=image'],
      User: 'app',
      WorkingDir: '/srv',
    },
    ...{ Labels: { a: 'image', b: 'image' }, ExposedPorts: { '80/tcp': {} }, StopSignal: 'SIGINT' },
  };
  const merged = mergeConfig({ ...request, env: ['B=own', 'C=own'], labels: { b: 'own' } }, image, 'host');
  assert.deepEqual([merged.entrypoint, merged.cmd], [['/entry'], ['serve']]);
  assert.deepEqual(merged.env, ['B=own', 'C=own', 'A=image']);
  assert.deepEqual(merged.labels, { a: 'image', b: 'own' });
  assert.deepEqual(
    [merged.user, merged.workingDir, merged.stopSignal, merged.hostname],
    ['app', '/srv', 'SIGINT', 'host'],
  );
  assert.deepEqual(merged.exposedPorts, { '80/tcp': {} });
});

for (const [what, own, entrypoint, cmd] of [
  ['an own command keeps the entry point', { cmd: ['x'] }, ['/entry'], ['x']],
  ['an own entry point drops the command', { entrypoint: ['/own'] }, ['/own'], undefined],
  ['a cleared entry point leaves the own command', { entrypoint: [], cmd: ['x'] }, [], ['x']],
  ['an empty command is none', { cmd: [] }, ['/entry'], ['serve']],
] as const) {
  test(`merging: ${what}`, () => {
    const merged = mergeConfig({ ...request, ...own }, { Entrypoint: ['/entry'], Cmd: ['serve'] }, 'h');
    assert.deepEqual([merged.entrypoint, merged.cmd], [entrypoint, cmd]);
  });
}

test('merging: nothing to run is refused', () => {
  assert.throws(() => mergeConfig(request, {}, 'h'), { message: 'no command specified' });
  assert.throws(() => mergeConfig({ ...request, entrypoint: [] }, { Cmd: ['x'] }, 'h'), {
    message: 'no command specified',
  });
});

test('variables: replaced in place, appended, removed by a bare name', () => {
  assert.deepEqual(overrideEnv(['PATH=/bin', 'A=1', 'B=2'], ['A=3', 'C=', 'B', 'X=a=b']), [
    'PATH=/bin',
    'A=3',
    'C=',
    'X=a=b',
  ]);
});

for (const [message, code, kind] of [
  ['exec: "x": executable file not found in $PATH', 127, 'invalid-argument'],
  ['exec: "/x": stat /x: no such file or directory', 127, 'invalid-argument'],
  ['exec: "/x": permission denied', 126, 'invalid-argument'],
  ['Cannot mount "a" at "/b": ENOTDIR', 127, 'invalid-argument'],
  ['Cannot do it: EINVAL', 128, 'internal'],
] as const) {
  test(`start failure: ${message}`, () => {
    const { exitCode, error } = startFailure(new LaunchFailure(notFound(message)));
    assert.deepEqual([exitCode, error.code], [code, kind]);
    assert.match(error.message, /^failed to create task for container: .* container init: /);
    assert.ok(error.message.includes(`${message}: unknown`));
    assert.equal(execFailure(new LaunchFailure(notFound(message))).exitCode, code);
  });
}

test('a failure before the launch keeps its words and code', () => {
  const error = notFound('network x not found');
  assert.deepEqual(startFailure(error), { exitCode: 128, error });
  assert.deepEqual(execFailure(error), { exitCode: 126, error });
});

for (const [text, numbers] of [
  ['0', [0]],
  ['0-2,5', [0, 1, 2, 5]],
  ['3-1', undefined],
  ['x', undefined],
  ['', undefined],
  ['0-99999999', undefined],
] as const) {
  test(`cpu list "${text}"`, () => {
    const list = parseCpuList(text);
    assert.deepEqual(list === undefined ? undefined : [...list], numbers);
  });
}

const MIB = 1 << 20;
const refusals: readonly (readonly [Partial<HostResources>, string])[] = [
  [{ memoryBytes: MIB }, 'Minimum memory limit allowed is 6MB'],
  [
    { memoryBytes: 64 * MIB, memorySwapBytes: 32 * MIB },
    'Minimum memoryswap limit should be larger than memory limit, see usage',
  ],
  [
    { memorySwapBytes: 32 * MIB },
    'You should always set the Memory limit when using Memoryswap limit, see usage',
  ],
  [{ memorySwappiness: 101 }, 'Invalid value: 101, valid memory swappiness range is 0-100'],
  [{ nanoCpus: 1e9, cpuQuotaUs: 5000 }, 'Conflicting options: Nano CPUs and CPU Quota cannot both be set'],
  [
    { cpuPeriodUs: 10 },
    'CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)',
  ],
  [{ cpusetCpus: '7' }, 'Requested CPUs are not available - requested 7, available: 0-3'],
  [{ cpusetMems: 'all' }, 'Invalid value all for cpuset mems'],
  [{ blkioWeight: 5 }, 'Range of blkio weight is from 10 to 1000'],
];
const host = { cpuset: { cpus: '0-3', mems: '0' }, limits: ALL_LIMITS, hasAppArmor: false };
const withHost = (options: Partial<HostOptions>) => ({
  ...exampleRequest(),
  host: { ...exampleRequest().host, ...options },
});

for (const [resources, message] of refusals) {
  test(`limits are refused: ${message}`, () => {
    const asked = { resources: { ...exampleRequest().host.resources, ...resources } };
    assert.throws(() => validateRequest(withHost(asked), host), { code: 'invalid-argument', message });
  });
}

test('a request is checked as docker checks it', () => {
  validateRequest(exampleRequest(), host);
  const bind = {
    source: '/a',
    destination: '/data',
    readOnly: false,
    propagation: 'rprivate',
    mode: '',
    createSource: true,
  };
  const twice = withHost({ binds: [bind], tmpfs: { '/data': '' } });
  assert.throws(() => validateRequest(twice, host), { message: 'Duplicate mount point: /data' });
  assert.throws(() => validateRequest({ ...exampleRequest(), workingDir: 'rel' }, host), {
    message: "the working directory 'rel' is invalid, it needs to be an absolute path",
  });
  assert.throws(() => validateRequest({ ...exampleRequest(), stopSignal: 'X' }, host), {
    message: 'invalid signal: X',
  });
  assert.throws(() => validateRequest(withHost({ extraHosts: ['nocolon'] }), host), {
    code: 'invalid-argument',
  });
});
