import { invalidArgument } from '../../../common/errors.ts';
import { COLUMNS, type Column } from './columns.ts';

/**
 * The columns that arguments of ps ask for. Docker hands them to the host's ps; we read /proc ourselves, so that what a client
 * sends never becomes part of a command, and refuse by name what we don't know. Which processes are shown is not theirs to say.
 */

const PLAIN = ['pid', 'tname', 'time', 'ucmd'];
const USER = [
  ...['user', 'pid', '%cpu', '%mem', 'vsz', 'rss', 'tname', 'stat'],
  'start_time',
  'bsdtime',
  'args',
];

/** `-ef`, whose first column is titled UID and shows names. */
const fullFormat = (): Column[] => [
  { ...known('user'), title: 'UID' },
  ...['pid', 'ppid', 'c', 'stime', 'tname', 'time', 'cmd'].map(known),
];

interface Asked {
  columns: Column[];
  format: 'plain' | 'full' | 'user';
}

/** Letters that only choose processes, or widths. */
const HARMLESS = { dashed: 'eAadwTN', plain: 'axwg' } as const;

/** Throws `invalid-argument`. */
export function columnsFor(text: string): readonly Column[] {
  const asked: Asked = { columns: [], format: 'plain' };
  const words = text.split(/\s+/).filter((word) => word !== '');
  while (words.length > 0) readWord(asked, words);
  const columns = asked.columns.length > 0 ? asked.columns : formatColumns(asked.format);
  if (!columns.some(({ title }) => title === 'PID'))
    throw invalidArgument("Couldn't find PID field in ps output");
  return columns;
}

function formatColumns(format: Asked['format']): Column[] {
  switch (format) {
    case 'plain':
      return PLAIN.map(known);
    case 'full':
      return fullFormat();
    case 'user':
      return USER.map(known);
  }
}

function readWord(asked: Asked, words: string[]): void {
  const word = words.shift() ?? '';
  const long = /^--format(?:=(.*))?$/.exec(word);
  if (long !== null) addColumns(asked, long[1] ?? words.shift());
  else if (word.startsWith('--')) throw unsupported(word);
  else readLetters(asked, word, words);
}

function readLetters(asked: Asked, word: string, words: string[]): void {
  const isDashed = word.startsWith('-');
  const letters = isDashed ? word.slice(1) : word;
  if (letters === '') throw unsupported(word);
  const harmless = HARMLESS[isDashed ? 'dashed' : 'plain'];
  for (const [index, letter] of letters.split('').entries()) {
    if (letter === 'o') {
      addColumns(asked, letters.slice(index + 1) || words.shift());
      return;
    }
    if (letter === 'f' && isDashed) asked.format = 'full';
    else if (letter === 'u' && (!isDashed || word === '-aux')) asked.format = 'user';
    else if (!harmless.includes(letter) && word !== '-aux') throw unsupported(word);
  }
}

/** `pid,cmd`, `pid,user=WHO`: a heading of one's own takes the rest of the word. */
function addColumns(asked: Asked, list: string | undefined): void {
  if (list === undefined || list === '') throw invalidArgument('ps: format specification must follow -o');
  const cut = list.indexOf('=');
  const names = (cut < 0 ? list : list.slice(0, cut)).split(',');
  const columns = names.map(known);
  if (cut >= 0) {
    const last = columns.pop();
    if (last?.title === 'PID') throw invalidArgument(`specifying "${list}" is not allowed`);
    if (last !== undefined) columns.push({ ...last, title: list.slice(cut + 1) });
  }
  asked.columns.push(...columns);
}

function known(name: string): Column {
  const column = Object.hasOwn(COLUMNS, name.toLowerCase()) ? COLUMNS[name.toLowerCase()] : undefined;
  if (column === undefined) throw invalidArgument(`ps: unknown user-defined format specifier "${name}"`);
  return column;
}

const unsupported = (word: string): Error =>
  invalidArgument(`ps: the argument "${word}" is not supported: -ef, aux and -o COLUMN[,COLUMN...] are`);
