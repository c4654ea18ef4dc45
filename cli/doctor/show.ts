import { alignColumns } from '../format/table.ts';
import type { Examined } from './examine.ts';
import type { Answer, Report } from './contract.ts';

/** For people: a line for each layer, what differs, and how to ask each layer by hand. */
export function show({ id, reports, differences }: Examined): string {
  const rows = ['LAYER\tANSWER\tSTATE\tPID\tTIME', ...reports.map((report) => row(report))];
  const facts = reports.flatMap(({ layer, answer }) =>
    answer.kind === 'said'
      ? answer.said.facts.map((fact) => `  ${layer}: ${fact}`)
      : answer.kind === 'unknown'
        ? [`  ${layer}: ${answer.text}`]
        : [],
  );
  const verdict =
    differences.length === 0
      ? ['All layers that know of it agree.']
      : ['What is wrong:', ...differences.map((difference) => `  ${difference}`)];
  const hands = reports.flatMap(({ layer, byHand }) =>
    byHand.map((command, index) => `  ${(index === 0 ? layer : '').padEnd(15)} ${command}`),
  );
  return [
    `Container ${id}`,
    '',
    alignColumns(rows.join('\n'), { minimum: 0, padding: 3 }),
    ...(facts.length === 0 ? [] : ['', ...facts]),
    '',
    ...verdict,
    '',
    'By hand:',
    ...hands,
    '',
  ].join('\n');
}

function row({ layer, answer, tookMs }: Report): string {
  const [word, pid] = answer.kind === 'said' ? [answer.said.word, answer.said.pid] : ['-', undefined];
  return [layer, ANSWERS[answer.kind], word, pid ?? '-', `${Math.round(tookMs)} ms`].join('\t');
}

const ANSWERS: Readonly<Record<Answer['kind'], string>> = {
  said: 'answers',
  unknown: 'knows nothing',
  down: 'not there',
  silent: 'SILENT',
};
