import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkCpuList } from '../../../daemon/core/containers/cpu-list.ts';

const cases: readonly (readonly [list: string, count: number, refusal: RegExp | undefined])[] = [
  ['', 1, undefined],
  ['0', 1, undefined],
  ['0-1', 2, undefined],
  ['0,1-3', 4, undefined],
  ['1', 1, /Requested CPUs are not available - requested 1, available: 0$/],
  ['0-4', 4, /requested 0-4, available: 0-3$/],
  ['a', 4, /Invalid value a for cpuset cpus/],
  ['3-1', 4, /Invalid value 3-1 for cpuset cpus/],
  ['0-999999999999', 4, /Invalid value/],
];

for (const [list, count, refusal] of cases) {
  test(`"${list}" of ${count}: ${refusal === undefined ? 'taken' : 'refused'}`, () => {
    if (refusal === undefined) checkCpuList(list, count);
    else assert.throws(() => checkCpuList(list, count), { code: 'invalid-argument', message: refusal });
  });
}
