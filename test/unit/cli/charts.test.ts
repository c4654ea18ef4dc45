import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bar, chooseSigns, sparkline } from '../../../cli/stats/charts.ts';

const signs = chooseSigns({ LANG: 'C.UTF-8' });

test('columns are as high as values, the newest at the right', () => {
  const line = (values: readonly number[], most: number): string =>
    sparkline(values, { width: 4, most, signs });
  assert.equal(line([], 100), '    ');
  assert.equal(line([0, 50, 100], 100), '  ▄█');
  assert.equal(line([1, 2, 3, 4, 5, 6], 0), '▄▅▇█');
  assert.equal(line([0, 0.1, 200], 100), '  ▁█');
});

test('bars are full at one', () => {
  const at = (fraction: number): string => bar(fraction, { width: 3, signs });
  assert.deepEqual([at(0), at(1 / 24), at(0.5), at(1), at(7)], ['   ', '▏  ', '█▌ ', '███', '███']);
});

test('a terminal without UTF-8 gets letters', () => {
  const plain = chooseSigns({ LC_ALL: 'C', LANG: 'C.UTF-8' });
  assert.equal(sparkline([0, 50, 100], { width: 3, most: 100, signs: plain }), ' =#');
  assert.equal(bar(0.5, { width: 4, signs: plain }), '##  ');
});
