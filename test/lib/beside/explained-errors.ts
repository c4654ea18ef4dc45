import type { Explanation } from './compare.ts';

/** Texts of both, as far as they are texts. */
const texts =
  (fits: (theirs: string, ours: string) => boolean): NonNullable<Explanation['where']> =>
  (theirs, ours) =>
    typeof theirs === 'string' && typeof ours === 'string' && fits(theirs, ours);
const ours = (pattern: RegExp) => texts((_theirs, text) => pattern.test(text));
const theirs = (pattern: RegExp) => texts((text) => pattern.test(text));
const MESSAGE = /^body(\.\d+)?(\.errorDetail)?(\.(message|error))?$/;

const codes =
  (from: number, to: number): NonNullable<Explanation['where']> =>
  (before, after) =>
    before === from && after === to;

/** How errors differ: whatever asked for them, or what asked for one. */
export const ERRORS: readonly Explanation[] = [
  {
    at: /^status$/,
    where: codes(500, 400),
    because: 'since 23 what a client got wrong is no fault of the daemon',
  },
  {
    at: MESSAGE,
    where: texts((before, after) => before.toLowerCase() === after.toLowerCase()),
    because: 'since 25 texts begin with a small letter',
  },
  {
    at: MESSAGE,
    where: ours(/^invalid JSON: /),
    because: "since 23 it is named so; the reason is that of Node's parser",
  },
  { at: MESSAGE, where: ours(/^invalid filter/), because: 'since 23 a bad filter is named so' },
  {
    at: MESSAGE,
    where: ours(/^(unsupported Content-Type header|malformed Content-Type header|Unsupported Media Type)/),
    because: "since 23 in these words, or Node's",
  },
  {
    at: MESSAGE,
    where: theirs(/dial tcp|no Host in request/),
    because: "the network's errors are in Node's words",
  },
  { at: MESSAGE, where: ours(/^invalid resize/), because: 'since 28 it says what is invalid' },
  { at: MESSAGE, where: ours(/must be lowercase$/), because: 'since 25 the name is in the text' },
  {
    at: MESSAGE,
    where: ours(/^invalid archive|^invalid tar archive/),
    because: 'nobody has a directory of ours to look for',
  },
  {
    at: MESSAGE,
    where: ours(/Maximum supported API version|Minimum supported API version/),
    because: 'the versions of 28',
  },
  {
    at: MESSAGE,
    where: ours(/^failed to create task for container/),
    because: 'since 23 with these words before it',
  },
  {
    at: MESSAGE,
    where: ours(/^(cannot )?remove container|^cannot remove/),
    because: 'since 25 in these words',
  },
  { at: MESSAGE, where: ours(/[Nn]o such (image|container)/), because: 'since 25 it is said once' },
  { at: MESSAGE, where: ours(/^cannot kill container/), because: 'since 25 all of it begins so' },
  {
    at: MESSAGE,
    where: ours(/^invalid volume specification/),
    because: 'since 23 the mount is not named twice',
  },
  {
    at: MESSAGE,
    where: ours(/^(Cannot update container <id>: )?invalid restart policy/),
    because: 'since 25 in these words',
  },
  {
    at: MESSAGE,
    where: ours(
      /^invalid (port specification|MTU|network|pool|CPU shares)|^Cannot update container <id>: invalid CPU/,
    ),
    because: 'since 25 in these words',
  },
  {
    at: MESSAGE,
    where: ours(/^Invalid container name|^ps: |^lstat |platform specifier|^invalid reference format$/),
    because: 'in our words',
  },
  {
    at: MESSAGE,
    where: ours(/^(exec command|exec process|Invalid detach keys|No exec command|No such exec)/),
    because: 'since 25 in these words',
  },
  {
    at: MESSAGE,
    where: ours(/^(container <id> is not connected to network|network bridge in scope)/),
    because: 'since 28 in these words',
  },
];
