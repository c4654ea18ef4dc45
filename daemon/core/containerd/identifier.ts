import { malformed } from '../../../image/namespaces/errors.ts';

const MAX_LENGTH = 76;
const PATTERN = '^[A-Za-z0-9]+(?:[._-](?:[A-Za-z0-9]+))*$';
const IDENTIFIER = new RegExp(PATTERN);

/** Names of namespaces, containers, tasks and execs. Throws `invalid-argument` in containerd's words, behind `what`. */
export function checkIdentifier(name: string, what = ''): void {
  if (name === '') throw malformed(`${what}identifier must not be empty`);
  if (Buffer.byteLength(name) > MAX_LENGTH)
    throw malformed(
      `${what}identifier ${JSON.stringify(name)} greater than maximum length (${MAX_LENGTH} characters)`,
    );
  if (!IDENTIFIER.test(name))
    throw malformed(`${what}identifier ${JSON.stringify(name)} must match ${PATTERN}`);
}
