import { textOf } from '../../../native/netlink/message.ts';
import {
  valueOf,
  verdictOf,
  type DumpedChain,
  type DumpedElement,
  type DumpedExpression,
  type DumpedRule,
  type DumpedVerdict,
} from '../../../native/netlink/nftables-ruleset.ts';
import { compareTo, findElement, inRange, masked } from './match.ts';
import { connectionOf, destinationType, headerOf, metaOf, type Packet } from './packet.ts';
import { not, Registers, type Match } from './registers.ts';
import { matchXtables, targetDrops, targetTranslates } from './xtables.ts';

/** What stands in the kernel, and how to look into its sets. */
export interface Ruleset {
  readonly chains: readonly DumpedChain[];
  readonly rules: readonly DumpedRule[];
  elements(family: string, table: string, set: string): readonly DumpedElement[];
}

/** What a chain does with a packet of which not all is known. */
export interface Outcome {
  readonly verdict: 'accept' | 'drop' | 'continue';
  /** What decided: `table inet host, chain input, rule handle 7`; '' for the end of a chain. */
  readonly by: string;
  /** Rules before it that may decide otherwise, by what is not known. */
  readonly unless: readonly Exception[];
  /** Rules that give it, or may give it, another destination: in the words of `by`. */
  readonly translations?: readonly string[];
}

export interface Exception {
  readonly verdict: 'accept' | 'drop';
  readonly by: string;
}

const MAX_DEPTH = 16;

/** Walks one base chain as the kernel does, a rule with unknown conditions as one that may match. Pure. */
export function walkBase(ruleset: Ruleset, chain: DumpedChain, packet: Packet): Outcome {
  const translations: string[] = [];
  const outcome = { ...walk({ ruleset, packet, depth: 0, translations }, chain), translations };
  if (outcome.verdict !== 'continue') return outcome;
  const verdict = chain.base?.policy ?? 'accept';
  return { ...outcome, verdict, by: `${placeOf(chain)}: policy ${verdict}` };
}

const placeOf = ({ family, table, name }: Pick<DumpedChain, 'family' | 'table' | 'name'>): string =>
  `table ${family} ${table}, chain ${name}`;

interface Way {
  readonly ruleset: Ruleset;
  readonly packet: Packet;
  readonly depth: number;
  readonly translations: string[];
}

function walk(way: Way, { family, table, name }: Pick<DumpedChain, 'family' | 'table' | 'name'>): Outcome {
  const unless: Exception[] = [];
  const ends = (verdict: Outcome['verdict'], by: string): Outcome => ({ verdict, by, unless });
  if (way.depth > MAX_DEPTH) return ends('continue', '');
  const rules = way.ruleset.rules.filter(
    (rule) => rule.family === family && rule.table === table && rule.chain === name,
  );
  for (const rule of rules) {
    const { match, verdict } = evaluate(way, rule);
    if (match === 'no' || verdict === undefined) continue;
    const by = `${placeOf({ family, table, name })}, rule handle ${rule.handle}`;
    if (verdict.code === RETURN) {
      if (match === 'yes') return ends('continue', '');
      continue;
    }
    const inner = innerOf(way, { verdict, by, family, table });
    unless.push(...inner.unless);
    if (match === 'yes' && (inner.verdict !== 'continue' || verdict.code === GOTO))
      return ends(inner.verdict, inner.by);
    if (inner.verdict !== 'continue') unless.push({ verdict: inner.verdict, by: inner.by });
  }
  return ends('continue', '');
}

const ACCEPT = 1;
const JUMP = -3;
const GOTO = -4;
const RETURN = -5;

function innerOf(
  way: Way,
  {
    verdict,
    by,
    family,
    table,
  }: { verdict: DumpedVerdict; by: string; readonly family: string; readonly table: string },
): Outcome {
  const isElsewhere = verdict.code === JUMP || verdict.code === GOTO;
  if (isElsewhere && verdict.chain !== undefined)
    return walk({ ...way, depth: way.depth + 1 }, { family, table, name: verdict.chain });
  return { verdict: verdict.code === ACCEPT ? 'accept' : 'drop', by, unless: [] };
}

interface Evaluated {
  readonly match: Match;
  readonly verdict: DumpedVerdict | undefined;
}

const DROP: DumpedVerdict = { code: 0, chain: undefined };

function evaluate(way: Way, rule: DumpedRule): Evaluated {
  const registers = new Registers();
  let match: Match = 'yes';
  for (const expression of rule.expressions) {
    const done = step({ ...way, rule, registers }, expression);
    if (done.match === 'no') return { match: 'no', verdict: undefined };
    if (done.match === 'maybe') match = 'maybe';
    if (done.verdict !== undefined) return { match, verdict: done.verdict };
  }
  return { match, verdict: undefined };
}

interface Stepping extends Way {
  readonly rule: DumpedRule;
  readonly registers: Registers;
}

const GOES_ON: Evaluated = { match: 'yes', verdict: undefined };
const tells = (match: Match): Evaluated => ({ match, verdict: undefined });

const number = ({ attributes }: DumpedExpression, type: number): number =>
  attributes.get(type)?.readUInt32BE(0) ?? 0;

/** What a comparison looks at: as many bytes as it names. */
const compared = (registers: Registers, expression: DumpedExpression) =>
  registers.read(number(expression, 1), valueOf(expression.attributes.get(3))?.byteLength ?? 0);

/** One expression; those that change or count the packet decide nothing. */
function step(at: Stepping, expression: DumpedExpression): Evaluated {
  const { packet, registers } = at;
  const { attributes, name } = expression;
  switch (name) {
    case 'cmp':
      return tells(notFrom(packet, expression, compareTo(expression, compared(registers, expression))));
    case 'range':
      return tells(inRange(expression, compared(registers, expression)));
    case 'lookup':
      return lookUp(at, expression);
    case 'match':
      return tells(matchXtables(expression, packet));
    case 'reject':
      return { match: 'yes', verdict: DROP };
    case 'nat':
    case 'redir':
      noteTranslation(at);
      return GOES_ON;
    case 'target':
      if (targetTranslates(expression)) noteTranslation(at);
      return targetDrops(expression) ? { match: 'yes', verdict: DROP } : GOES_ON;
    case 'limit':
    case 'connlimit':
    case 'quota':
    case 'socket':
    case 'osf':
    case 'queue':
      return tells('maybe');
    case 'immediate': {
      const verdict = verdictOf(attributes.get(2));
      if (verdict === undefined)
        registers.load(number(expression, 1), [...(valueOf(attributes.get(2)) ?? [])]);
      return { match: 'yes', verdict };
    }
    default:
      load(at, expression);
      return GOES_ON;
  }
}

const noteTranslation = ({ translations, rule: { family, table, chain, handle } }: Stepping): void =>
  void translations.push(`${placeOf({ family, table, name: chain })}, rule handle ${handle}`);

function load({ packet, registers }: Stepping, expression: DumpedExpression): void {
  const { name, attributes } = expression;
  const into = (type: number): number | undefined => attributes.get(type)?.readUInt32BE(0);
  const [first, second] = [into(1), into(2)];
  if (name === 'bitwise' && first !== undefined && second !== undefined)
    registers.load(second, masked(expression, registers.read(first, number(expression, 3))));
  if (name === 'meta' && first !== undefined) registers.load(first, metaOf(packet, number(expression, 2)));
  if (name === 'ct' && first !== undefined)
    registers.load(first, connectionOf(packet, number(expression, 2)));
  if (name === 'fib' && first !== undefined) {
    const isDestinationType = second === 3 && (number(expression, 3) & 2) !== 0;
    registers.load(
      first,
      isDestinationType ? destinationType(packet) : [undefined, undefined, undefined, undefined],
    );
  }
  if (name === 'payload' && first !== undefined && second !== undefined) {
    const [from, length] = [number(expression, 3), number(expression, 4)];
    registers.load(first, headerOf(packet, second).slice(from, from + length));
  }
}

/** A packet from outside comes in by a link that is not known, but by none of ours. */
function notFrom({ incoming, notFrom: names }: Packet, expression: DumpedExpression, match: Match): Match {
  if (match !== 'maybe' || incoming !== undefined) return match;
  const name = textOf(valueOf(expression.attributes.get(3))) ?? '';
  if (!names.includes(name)) return match;
  return number(expression, 2) === 0 ? 'no' : 'yes';
}

const INVERTED = 1;
const IFNAME_BYTES = 16;

const beginsWithOneOf = ({ key }: DumpedElement, names: readonly string[]): boolean =>
  names.includes(textOf(key.subarray(0, IFNAME_BYTES)) ?? '');

function lookUp({ ruleset, rule, registers, packet }: Stepping, expression: DumpedExpression): Evaluated {
  const set = textOf(expression.attributes.get(1)) ?? '';
  const elements = ruleset.elements(rule.family, rule.table, set);
  const find = (among: readonly DumpedElement[]): Evaluated =>
    findElement(among, (length) => registers.read(number(expression, 2), length));
  const all = find(elements);
  const isUnsure = all.match === 'maybe' && packet.incoming === undefined;
  const found = isUnsure ? find(elements.filter((each) => !beginsWithOneOf(each, packet.notFrom))) : all;
  const inverted = (number(expression, 5) & INVERTED) !== 0;
  return inverted ? tells(not(found.match)) : found;
}
