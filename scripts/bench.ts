import { env } from 'node:process';
import { measureAll } from '../test/bench/measure.ts';
import { printTable } from '../test/bench/table.ts';

/** Wherry beside Debian's dockerd and runc, in one run, samples interleaved. */
delete env['NODE_EXTRA_CA_CERTS'];
const { rows, runcMs } = await measureAll((message) => console.error(message));
printTable(rows);
if (runcMs !== undefined) {
  console.log(
    `\nFor comparison: runc run of true, without network, image and log, takes ${runcMs.toFixed(1)} ms.`,
  );
}
