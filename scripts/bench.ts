import { argv, env, exit } from 'node:process';
import { measureAll, type Progress } from '../test/bench/measure.ts';
import { printRuntimes } from '../test/bench/runtime-table.ts';
import { measureRuntimes } from '../test/bench/runtimes.ts';
import { tableOf } from '../test/bench/table.ts';

/**
 * Wherry beside Debian's dockerd, wherry-runtime beside runc and crun: in one run, samples interleaved. With names of measures
 * (`node scripts/bench.ts logs exec`) those alone. Each is told as soon as it is measured; one that fails does not lose the others.
 */
delete env['NODE_EXTRA_CA_CERTS'];
const only = argv.slice(2);
let failures = 0;
const progress: Progress = {
  begins: (what) => console.error(`measuring ${what}`),
  measured: (rows) => console.error(tableOf(rows)),
  failed: (what, error) => {
    failures += 1;
    console.error(`cannot measure ${what}:`, error);
  },
};
if (only.length > 0) {
  console.log(tableOf(await measureAll(progress, only)));
} else {
  progress.begins('wherry-runtime, runc and crun');
  const runtimes = await measureRuntimes();
  console.log(tableOf(await measureAll(progress, [])));
  console.log();
  printRuntimes(runtimes);
}
if (failures > 0) exit(1);
