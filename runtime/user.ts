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
  readonly members: readonly string[];
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
  const groups = parseGroup(files.group ?? '');
  const gid = groupName === '' ? user.gid : groupId(groupName, groups, 'group');
  const own =
    groupName === '' && user.name !== ''
      ? groups.filter(({ members }) => members.includes(user.name)).map((group) => group.gid)
      : [];
  const added = groupAdd.map((name) => groupId(name, groups, 'group'));
  return {
    uid: checkRange(user.uid),
    gid: checkRange(gid),
    additionalGids: [...new Set([gid, ...own, ...added].map(checkRange))],
    home: user.home === '' ? '/' : user.home,
  };
}

function findUser(name: string, passwd: string): PasswdEntry {
  const number = name === '' ? 0 : numberOf(name);
  const entries = parsePasswd(passwd);
  const found = entries.find((entry) => (number === undefined ? entry.name === name : entry.uid === number));
  if (found !== undefined) return found;
  if (number === undefined) {
    throw invalidArgument(`unable to find user ${name}: no matching entries in passwd file`);
  }
  return { name: '', uid: number, gid: 0, home: '/' };
}

function groupId(name: string, groups: readonly GroupEntry[], kind: string): number {
  const number = numberOf(name);
  if (number !== undefined) return number;
  const found = groups.find((group) => group.name === name);
  if (found === undefined) {
    throw invalidArgument(`unable to find ${kind} ${name}: no matching entries in ${kind} file`);
  }
  return found.gid;
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
function parsePasswd(text: string): PasswdEntry[] {
  return records(text).flatMap(([name = '', , uidText = '', gidText = '', , home = '']) => {
    const [uid, gid] = [numberOf(uidText), numberOf(gidText)];
    return name === '' || uid === undefined || gid === undefined ? [] : [{ name, uid, gid, home }];
  });
}

/** man 5 group. */
function parseGroup(text: string): GroupEntry[] {
  return records(text).flatMap(([name = '', , gidText = '', members = '']) => {
    const gid = numberOf(gidText);
    return name === '' || gid === undefined ? [] : [{ name, gid, members: members.split(',') }];
  });
}

const records = (text: string): string[][] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(':'));
