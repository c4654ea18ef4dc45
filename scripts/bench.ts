import { argv, env } from 'node:process';
import { measureAll } from '../test/bench/measure.ts';
import { printRuntimes } from '../test/bench/runtime-table.ts';
import { measureRuntimes } from '../test/bench/runtimes.ts';
import { printTable } from '../test/bench/table.ts';

/**
 * Wherry beside Debian's dockerd, wherry-runtime beside runc and crun: in one run, samples interleaved. With names of measures
 * (`node scripts/bench.ts logs exec`) those alone.
 */
delete env['NODE_EXTRA_CA_CERTS'];
const only = argv.slice(2);
if (only.length > 0) {
  printTable(await measureAll((message) => console.error(message), only));
} else {
  console.error('measuring wherry-runtime, runc and crun');
  const runtimes = await measureRuntimes();
  printTable(await measureAll((message) => console.error(message), []));
  console.log();
  printRuntimes(runtimes);
}
