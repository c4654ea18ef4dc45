import { env } from 'node:process';
import { measureAll } from '../test/bench/measure.ts';
import { printRuntimes } from '../test/bench/runtime-table.ts';
import { measureRuntimes } from '../test/bench/runtimes.ts';
import { printTable } from '../test/bench/table.ts';

/** Wherry beside Debian's dockerd, wherry-runtime beside runc and crun: in one run, samples interleaved. */
delete env['NODE_EXTRA_CA_CERTS'];
console.error('measuring wherry-runtime, runc and crun');
const runtimes = await measureRuntimes();
const rows = await measureAll((message) => console.error(message));
printTable(rows);
console.log();
printRuntimes(runtimes);
