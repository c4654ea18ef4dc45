import { env, stdout } from 'node:process';
import { renderListing } from '../format/listing.ts';
import { measure, STATS_HEADERS, statsRow } from '../rows/stats.ts';
import { bar, chooseSigns, sparkline } from './charts.ts';
import type { Shown } from './history.ts';

/** Docker's table is about as wide. */
const NUMBERS_COLUMNS = 112;
const CHARTS = 4;
const WIDEST = 30;
/** Below that they say nothing, and the table has none. */
const NARROWEST = 5;

const PLAIN = ['ID', 'Name', 'CPUPerc', 'MemUsage', 'MemPerc', 'NetIO', 'BlockIO', 'PIDs'];
const DRAWN = ['ID', 'Name', 'Cpu', 'MemUsage', 'Mem', 'Net', 'Block', 'PIDs'];
const tableOf = (names: readonly string[]): string =>
  `table ${names.map((name) => `{{.${name}}}`).join('\t')}`;

/** Docker's table with the last seconds beside the numbers, as wide as the terminal allows. */
export function drawStats(rows: readonly Shown[]): string {
  const width = chartWidth(stdout.columns);
  const drawn = rows.map((shown) => drawnRow(shown, width));
  const headers = {
    ...STATS_HEADERS,
    Cpu: STATS_HEADERS['CPUPerc'],
    Mem: STATS_HEADERS['MemPerc'],
    Net: STATS_HEADERS['NetIO'],
    Block: STATS_HEADERS['BlockIO'],
  };
  return renderListing({ format: tableOf(width === 0 ? PLAIN : DRAWN), headers, rows: drawn });
}

function chartWidth(columns: number | undefined): number {
  const each = Math.floor(((columns ?? 0) - NUMBERS_COLUMNS) / CHARTS);
  return each < NARROWEST ? 0 : Math.min(each, WIDEST);
}

function drawnRow({ asked, message, history }: Shown, width: number): ReturnType<typeof statsRow> {
  const row = statsRow(asked, message, true);
  if (message === undefined || width === 0)
    return { ...row, Cpu: row['CPUPerc'], Mem: row['MemPerc'], Net: row['NetIO'], Block: row['BlockIO'] };
  const signs = chooseSigns(env);
  const line = (values: readonly number[], most: number): string => sparkline(values, { width, most, signs });
  return {
    ...row,
    // One processor whole is full, unless more were used.
    Cpu: `${String(row['CPUPerc']).padStart(7)} ${line(history.cpuPercents, 100)}`,
    Mem: `${String(row['MemPerc']).padStart(7)} ${bar(measure(message).memory, { width, signs })}`,
    Net: `${String(row['NetIO'])} ${line(history.networkRates, 0)}`,
    Block: `${String(row['BlockIO'])} ${line(history.blockRates, 0)}`,
  };
}
