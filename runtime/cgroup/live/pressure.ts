import { codeOfErrno, readCgroupFile } from './files.ts';
import { compact, parseCount, type Count } from './numbers.ts';

interface Stall {
  readonly avg10: number;
  readonly avg60: number;
  readonly avg300: number;
  readonly total: Count;
}

export interface Pressure {
  readonly some?: Stall;
  readonly full?: Stall;
}

/** A version 2 `*.pressure` file (Documentation/accounting/psi.rst); undefined where stalls are not counted. */
export async function readPressure(path: string): Promise<Pressure | undefined> {
  const text = await readCgroupFile(path).catch((error: unknown) => {
    if (['ENOTSUP', 'EOPNOTSUPP'].includes(codeOfErrno(error))) return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  return compact({ some: stallOf(text, 'some'), full: stallOf(text, 'full') }) as Pressure;
}

function stallOf(text: string, kind: string): Stall | undefined {
  const line = text.split('\n').find((each) => each.startsWith(`${kind} `));
  if (line === undefined) return undefined;
  const values = new Map(
    line
      .split(' ')
      .slice(1)
      .map((word) => word.split('=') as [string, string]),
  );
  const average = (key: string): number => Number(values.get(key) ?? 0);
  const total = parseCount(values.get('total') ?? '0');
  const stall = { avg10: average('avg10'), avg60: average('avg60'), avg300: average('avg300'), total };
  return Object.values(stall).every((value) => value === 0) ? undefined : stall;
}
