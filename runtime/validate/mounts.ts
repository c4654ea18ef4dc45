import { messageOf } from '../../common/errors.ts';
import { isBind, parseMount, type ParsedMount } from '../rootfs/parse.ts';
import type { Mount } from '../spec.ts';
import { knownProblem, list, matching, object, text, texts, type Check, type Findings } from './check.ts';
import { mappings } from './common.ts';

/** runtime-spec config.md, "Mounts". What they are together with the rest is a matter of `rules.ts`. */
export const mounts: Check<Mount[]> = list(
  object<Omit<Mount, 'subpath'>>(
    {
      destination: matching(/./s, 'a path'),
      type: text,
      source: text,
      options: texts,
      uidMappings: mappings,
      gidMappings: mappings,
    },
    { required: ['destination'] },
  ),
);

export interface MountSurroundings {
  readonly hasUserNamespace: boolean;
  readonly rootless: boolean;
  /** Whether an id of the container is one of the host. */
  readonly isMapped: (kind: 'uid' | 'gid', id: number) => boolean;
}

/** Notes what is wrong with one mount. */
export function checkMount(
  mount: Mount,
  { at, to, around }: { readonly at: string; readonly to: Findings; readonly around: MountSurroundings },
): void {
  const { destination } = mount;
  if (!destination.startsWith('/'))
    to.warnings.push(
      `mount destination ${destination} is not absolute. Support for non-absolute mount destinations will be removed in a future release.`,
    );
  let parsed: ParsedMount;
  try {
    parsed = parseMount(mount);
  } catch (error) {
    knownProblem(to, at, messageOf(error));
    return;
  }
  const invalid = (what: string): void => {
    knownProblem(to, at, `invalid mount "${destination}": ${what}`);
  };
  checkMapping(parsed, around, invalid);
  if (isBind(parsed) && !parsed.options.remount && parsed.options.data.length > 0)
    invalid('bind mounts cannot have any filesystem-specific options applied');
  if (around.rootless) checkOwners(parsed, around, invalid);
}

function checkMapping(
  parsed: ParsedMount,
  { hasUserNamespace, rootless }: MountSurroundings,
  invalid: (what: string) => void,
): void {
  const { uidMappings = [], gidMappings = [] } = parsed.mount;
  const hasOwn = uidMappings.length > 0 || gidMappings.length > 0;
  if (!hasOwn && parsed.options.idmap === 'no') return;
  if (!isBind(parsed)) invalid('id-mapped mounts are only supported for bind-mounts');
  if (rootless) invalid('id-mapped mounts are not supported for rootless containers');
  const hasBoth = uidMappings.length > 0 && gidMappings.length > 0;
  if (hasOwn ? !hasBoth : !hasUserNamespace)
    invalid('id-mapped mounts must have both uid and gid mappings specified');
}

/** Owners that the kernel would refuse to somebody who is no root. */
function checkOwners(
  { options }: ParsedMount,
  { isMapped }: MountSurroundings,
  invalid: (what: string) => void,
): void {
  for (const option of options.data) {
    const [, kind, id] = /^(uid|gid)=(\d+)$/.exec(option) ?? [];
    if ((kind === 'uid' || kind === 'gid') && !isMapped(kind, Number(id)))
      invalid(
        `cannot specify ${option} mount option for rootless container: the ${kind} is not mapped in its user namespace`,
      );
  }
}
