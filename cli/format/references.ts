/** An image reference in its parts, the repository in the short form that docker prints. */
export interface FamiliarReference {
  readonly repository: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

/** Cuts a reference and leaves out docker's default registry and `library/`. */
export function splitReference(reference: string): FamiliarReference {
  const [named = '', digest] = reference.split('@');
  const colon = named.lastIndexOf(':');
  const hasTag = colon > named.lastIndexOf('/');
  const repository = (hasTag ? named.slice(0, colon) : named).replace(/^docker\.io\/(library\/)?/, '');
  return { repository, tag: hasTag ? named.slice(colon + 1) : undefined, digest };
}

/** A reference without digest, as lists show it. */
export function familiarName(reference: string): string {
  const { repository, tag } = splitReference(reference);
  return tag === undefined ? repository : `${repository}:${tag}`;
}
