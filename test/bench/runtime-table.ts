import type { RuntimesMeasured } from './runtimes.ts';

/** Of wherry-runtime's run to runc's. */
const BUDGET = 1.3;

/** Wall time and, in brackets, processor time of each. */
export function printRuntimes({ rows, node, warmMs }: RuntimesMeasured): void {
  const names = Object.keys(rows[0]?.of ?? {});
  const cell = (value: { wallMs: number; cpuMs: number } | undefined): string =>
    value === undefined ? '-' : `${value.wallMs.toFixed(1)} (${value.cpuMs.toFixed(1)}) ms`;
  const table = [
    ['wall (cpu)', ...names, 'to runc'],
    ...rows.map(({ what, of }) => [
      what,
      ...names.map((name) => cell(of[name])),
      ((of['wherry-runtime']?.wallMs ?? Number.NaN) / (of['runc']?.wallMs ?? Number.NaN)).toFixed(2),
    ]),
  ];
  const widths =
    table[0]?.map((_, column) => Math.max(...table.map((line) => line[column]?.length ?? 0))) ?? [];
  for (const line of table)
    console.log(
      line
        .map((text, column) => text.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
  const run = rows.find(({ what }) => what === 'run')?.of;
  const ratio = (run?.['wherry-runtime']?.wallMs ?? Number.NaN) / (run?.['runc']?.wallMs ?? Number.NaN);
  console.log(`\nrun to runc's: ${ratio.toFixed(2)}, budget ${BUDGET}: ${ratio <= BUDGET ? 'ok' : 'MISSED'}`);
  console.log(`Of each command of wherry-runtime, Node's own empty start is ${cell(node)}.`);
  console.log(`The same run from a process that is warm takes ${warmMs.toFixed(1)} ms.`);
}
