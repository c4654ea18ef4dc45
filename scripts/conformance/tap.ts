import type { Result } from './suite.ts';

export interface Point {
  readonly name: string;
  readonly outcome: Result['outcome'];
  /** The directive's reason and what followed the point, up to the next one. */
  readonly detail: string;
}

const POINT = /^(?<verdict>not ok|ok)\b *\d* *(?:- )?(?<text>.*)$/;
const SKIP = /# *skip\b:? *(?<reason>.*)$/i;

/**
 * The test points of a TAP document, in their order. Indented ones count too: runtime-tools prints what the container tested below what
 * it tested itself.
 */
export function parseTap(document: string): Point[] {
  const points: { name: string; outcome: Result['outcome']; lines: string[] }[] = [];
  for (const line of document.split('\n')) {
    const groups = POINT.exec(line.trim())?.groups;
    if (groups === undefined) {
      points.at(-1)?.lines.push(line);
      continue;
    }
    const { verdict = '', text = '' } = groups;
    const reason = SKIP.exec(text)?.groups?.['reason'];
    // What else follows a "#" is a time, which no two runs share.
    const name = text.replace(/ *#(?: *skip\b.*| *[\d.]+s$)/i, '').trim();
    const outcome = reason !== undefined ? 'skipped' : verdict === 'ok' ? 'passed' : 'failed';
    points.push({ name, outcome, lines: reason === undefined ? [] : [reason] });
  }
  return points.map(({ lines, ...point }) => ({ ...point, detail: lines.join('\n').trim() }));
}
