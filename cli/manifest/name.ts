import { invalidArgument, messageOf } from '../../common/errors.ts';
import type { Digest } from '../../image/digest.ts';
import { complete, parseReference, withDefaultTag } from '../../image/reference.ts';

/** What a list, or a manifest in one, is called. */
export interface ManifestName {
  /** Complete, with tag or digest: `docker.io/library/busybox:latest`. */
  readonly text: string;
  /** Complete: `docker.io/library/busybox`. */
  readonly repository: string;
  /** Of the registry: `docker.io`. */
  readonly host: string;
  /** Of the repository in it: `library/busybox`. */
  readonly path: string;
  /** What the repository is asked for: the tag, else the digest. */
  readonly reference: string;
  /** Of what the registry must answer with, where it was given. */
  readonly digest: Digest | undefined;
}

/** Throws `invalid-argument` in docker's words. */
export function manifestName(given: string): ManifestName {
  const parsed = withDefaultTag(parseReference(given));
  const { name, tag, digest } = parsed;
  const slash = name.indexOf('/');
  return {
    text: complete(parsed),
    repository: name,
    host: name.slice(0, slash),
    path: name.slice(slash + 1),
    reference: tag ?? digest ?? '',
    digest,
  };
}

/** The same; the error begins with what the name was wanted for. */
export function manifestNameFor(purpose: string, given: string): ManifestName {
  try {
    return manifestName(given);
  } catch (error) {
    throw invalidArgument(`${purpose} ${given}: ${messageOf(error)}`, { cause: error });
  }
}
