import { internal } from './errors.ts';

/**
 * Named places where a test may inject a fault, set by the environment variable `WHERRY_FAILPOINTS`:
 * `name=error` throws, `name=kill` ends the process as SIGKILL would, `name=sleep(250)` waits; several with `;`.
 * `name=kill@3` acts on the third pass only. Costs one map look-up when unset.
 */
type Action = { kind: 'error' } | { kind: 'kill' } | { kind: 'sleep'; ms: number };

interface Failpoint {
  readonly action: Action;
  readonly pass: number | undefined;
  passes: number;
}

const table = parse(process.env['WHERRY_FAILPOINTS'] ?? '');

/** Call at each step whose failure or crash has to leave nothing behind. */
export async function failpoint(name: string): Promise<void> {
  const action = actionAt(name);
  switch (action?.kind) {
    case undefined:
      return;
    case 'error':
      throw internal(`failpoint ${name}`);
    case 'kill':
      process.kill(process.pid, 'SIGKILL');
      await new Promise(() => {});
      return;
    case 'sleep': {
      const { ms } = action;
      await new Promise((resolve) => setTimeout(resolve, ms));
      return;
    }
  }
}

/** The same where the thread is held anyway: for commands, not for the daemon. */
export function failpointNow(name: string): void {
  const action = actionAt(name);
  switch (action?.kind) {
    case undefined:
      return;
    case 'error':
      throw internal(`failpoint ${name}`);
    case 'kill':
      process.kill(process.pid, 'SIGKILL');
      return;
    case 'sleep':
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, action.ms);
  }
}

function actionAt(name: string): Action | undefined {
  const point = table.get(name);
  if (point === undefined) return undefined;
  point.passes += 1;
  return point.pass === undefined || point.pass === point.passes ? point.action : undefined;
}

function parse(text: string): Map<string, Failpoint> {
  const entries = text.split(';').filter((entry) => entry !== '');
  return new Map(entries.map((entry) => parseEntry(entry)));
}

function parseEntry(entry: string): [string, Failpoint] {
  const match = /^([\w.-]+)=(error|kill|sleep\((\d+)\))(?:@(\d+))?$/.exec(entry);
  if (match === null) throw new Error(`WHERRY_FAILPOINTS: cannot read "${entry}"`);
  const [, name = '', verb = '', ms, pass] = match;
  const action: Action =
    ms !== undefined ? { kind: 'sleep', ms: Number(ms) } : { kind: verb === 'kill' ? 'kill' : 'error' };
  return [name, { action, pass: pass === undefined ? undefined : Number(pass), passes: 0 }];
}
