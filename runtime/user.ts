import { invalidArgument } from '../common/errors.ts';

/** Who a process runs as, resolved in the image. */
export interface ResolvedUser {
  readonly uid: number;
  readonly gid: number;
  /** The primary group first (CVE-2022-36109), then the user's and the added ones. */
  readonly additionalGids: readonly number[];
  readonly home: string;
}

const MAX_ID = 2 ** 31 - 1;
const RANGE = 'uids and gids must be in range 0-2147483647';

interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

interface GroupEntry {
  readonly name: string;
  readonly gid: number;
  /** Between commas. */
  readonly members: string;
}

/**
 * Resolves docker's USER: empty, `name`, `uid`, each with `:group` or `:gid`; a number is never looked up as a name. `passwd` and
 * `group` are the contents of the image's files, undefined when there are none. `groupAdd` is docker's --group-add. Pure.
 *
 * Throws `invalid-argument` in docker's words: `unable to find user x: no matching entries in passwd file`.
 */
export function resolveUser(
  spec: string,
  files: { readonly passwd: string | undefined; readonly group: string | undefined },
  groupAdd: readonly string[] = [],
): ResolvedUser {
  const colon = spec.indexOf(':');
  const [userName, groupName] = colon < 0 ? [spec, ''] : [spec.slice(0, colon), spec.slice(colon + 1)];
  const user = findUser(userName, files.passwd ?? '');
  const group = files.group ?? '';
  const gid = groupName === '' ? user.gid : groupId(groupName, group);
  const own = groupName === '' && user.name !== '' ? groupsOf(user.name, group) : [];
  const added = groupAdd.map((name) => groupId(name, group));
  return {
    uid: checkRange(user.uid),
    gid: checkRange(gid),
    additionalGids: [...new Set([gid, ...own, ...added].map(checkRange))],
    home: user.home === '' ? '/' : user.home,
  };
}

function findUser(name: string, passwd: string): PasswdEntry {
  const number = name === '' ? 0 : numberOf(name);
  for (const entry of passwdEntries(passwd)) {
    if (number === undefined ? entry.name === name : entry.uid === number) return entry;
  }
  if (number === undefined) {
    throw invalidArgument(`unable to find user ${name}: no matching entries in passwd file`);
  }
  return { name: '', uid: number, gid: 0, home: '/' };
}

function groupId(name: string, group: string): number {
  const number = numberOf(name);
  if (number !== undefined) return number;
  for (const entry of groupEntries(group)) if (entry.name === name) return entry.gid;
  throw invalidArgument(`unable to find group ${name}: no matching entries in group file`);
}

/** As many as the kernel lets a process have (NGROUPS_MAX); an image may name its user in millions. */
const MAX_GROUPS = 65_536;

function groupsOf(user: string, group: string): readonly number[] {
  const gids = new Set<number>();
  for (const { gid, members } of groupEntries(group)) {
    if (`,${members},`.includes(`,${user},`)) gids.add(gid);
    if (gids.size > MAX_GROUPS)
      throw invalidArgument(`user ${user} is in more than ${MAX_GROUPS} groups of the group file`);
  }
  return [...gids];
}

function checkRange(id: number): number {
  if (id < 0 || id > MAX_ID) throw invalidArgument(RANGE);
  return id;
}

/** What Go's Atoi takes; a number beyond 2^53 is a name that nobody has. */
function numberOf(text: string): number | undefined {
  const number = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(number) ? number : undefined;
}

/** man 5 passwd. A line that is damaged is nobody: were it read as zeros, it would be root. */
function* passwdEntries(text: string): Generator<PasswdEntry> {
  for (const line of lines(text)) {
    const [name = '', , uidText = '', gidText = '', , home = ''] = line.split(':', 7);
    const [uid, gid] = [numberOf(uidText), numberOf(gidText)];
    if (name !== '' && uid !== undefined && gid !== undefined) yield { name, uid, gid, home };
  }
}

/** man 5 group. */
function* groupEntries(text: string): Generator<GroupEntry> {
  for (const line of lines(text)) {
    const [name = '', , gidText = '', members = ''] = line.split(':', 4);
    const gid = numberOf(gidText);
    if (name !== '' && gid !== undefined) yield { name, gid, members };
  }
}

/** One after the other: megabytes of line ends or colons, split at once, would take a hundred times their size. */
function* lines(text: string): Generator<string> {
  for (let start = 0; start < text.length;) {
    const found = text.indexOf('\n', start);
    const end = found < 0 ? text.length : found;
    const line = end === start ? '' : text.slice(start, end).trim();
    if (line !== '' && !line.startsWith('#')) yield line;
    start = end + 1;
  }
}
