/** What is asked of both daemons, one after the other, in a scripted order. */
export type Step = Call | Wait;

export interface Call {
  readonly kind: 'call';
  /** `GET /containers/json?all=1`: below `/v1.41`, except where the path begins with `//`. `{name}` is what a step before saved. */
  readonly call: string;
  readonly body: unknown;
  readonly how: How;
}

export interface How {
  readonly headers?: Readonly<Record<string, string>>;
  /** The `Id` of the answer, for the paths of later steps. */
  readonly save?: string;
  /** The bytes of the body as they are. */
  readonly raw?: string | Uint8Array;
  /** Figures that nobody can compare: only what type each has is. */
  readonly typesOnly?: boolean;
  /** The answer has no order. */
  readonly sortBy?: string;
  /** The answer goes on for ever: this many lines of it, or bytes where it has none. */
  readonly lines?: number;
}

/** Asks until a field has a value: the clients of both daemons have to meet the same state. */
export interface Wait {
  readonly kind: 'wait';
  readonly path: string;
  /** `State.Status` */
  readonly field: string;
  readonly value: unknown;
}

/** Tables are of lines, or of pairs with a body; `group` names their part of the report. */
export type Line = string | readonly [call: string, body: unknown, how?: How] | Wait;

export const until = (path: string, field: string, value: unknown): Wait => ({
  kind: 'wait',
  path,
  field,
  value,
});

export function toStep(line: Line): Step {
  if (typeof line === 'string') return { kind: 'call', call: line, body: undefined, how: {} };
  if ('kind' in line) return line;
  const [call, body, how = {}] = line;
  return { kind: 'call', call, body, how };
}

/** `?filters=`, encoded. */
export const filters = (value: unknown): string => `filters=${encodeURIComponent(JSON.stringify(value))}`;
