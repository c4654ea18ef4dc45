/** The program of the soak's containers: prints `<run> <number>`, from 0 in every run; ends with 7 when it is asked to. */
export const counting = (how: { readonly lines: number; readonly code: number }): string[] => [
  'sh',
  '-c',
  [
    "trap 'exit 7' TERM",
    // Renamed: one that is killed as it writes leaves an empty file.
    'r=$(cat /run-number 2>/dev/null || echo 0); r=$((r+1)); echo $r > /number; mv /number /run-number; i=0',
    `while [ $i -lt ${how.lines} ]; do echo "$r $i"; i=$((i+1)); [ $((i % 20)) = 0 ] && sleep 0.05; done`,
    `exit ${how.code}`,
  ].join('\n'),
];

export interface Counted {
  readonly runs: number;
  /** The last number of the last run; -1 if there is none. */
  readonly last: number;
}

export interface Read {
  /** The reader left, maybe within a line. */
  readonly partial: boolean;
  /** It came while the program was at work. */
  readonly late?: boolean;
}

/** Throws unless every line follows the one before it. */
export function checkCount(text: string, { partial, late = false }: Read): Counted {
  const lines = text.split('\n');
  const end = lines.pop() ?? '';
  if (end !== '' && !partial) throw new Error(`The log ends within a line: ${end}`);
  let [run, last, runs] = [0, -1, 0];
  for (const [index, line] of lines.entries()) {
    const [r = Number.NaN, i = Number.NaN] = line.split(' ').map(Number);
    const begins = late && index === 0;
    const follows = begins || (r === run ? i === last + 1 : r > run && i === 0);
    if (!follows) throw new Error(`After "${run} ${last}" the log has "${line}"`);
    if (r !== run) runs += 1;
    [run, last] = [r, i];
  }
  return { runs, last };
}
