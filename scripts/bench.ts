import { env } from 'node:process';
import { measureAll } from '../test/bench/measure.ts';
import { printTable } from '../test/bench/table.ts';

/** Wherry beside Debian's dockerd and runc, in one run, samples interleaved. */
delete env['NODE_EXTRA_CA_CERTS'];
printTable(await measureAll((message) => console.error(message)));
