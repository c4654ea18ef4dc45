import { goTime } from '../format/dates.ts';
import { shortId } from '../format/ids.ts';
import type { Row } from '../format/listing.ts';
import { splitReference } from '../format/references.ts';
import { ago, humanSize } from '../format/units.ts';

/** One element of `GET /images/json`. */
export interface ImageSummary {
  readonly Id: string;
  readonly RepoTags: readonly string[] | null;
  readonly RepoDigests: readonly string[] | null;
  readonly Created: number;
  readonly Size: number;
  readonly SharedSize: number;
  readonly Containers: number;
}

export const IMAGE_HEADERS: Row = {
  ID: 'IMAGE ID',
  Repository: 'REPOSITORY',
  Tag: 'TAG',
  Digest: 'DIGEST',
  CreatedSince: 'CREATED',
  CreatedAt: 'CREATED AT',
  Size: 'SIZE',
  Containers: 'CONTAINERS',
  VirtualSize: 'SIZE',
  SharedSize: 'SHARED SIZE',
  UniqueSize: 'UNIQUE SIZE',
};

interface Name {
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
}

/** The rows of an image: one for each tag, with `digests` one for each tag and digest, or one without name. */
export function imageRows(
  image: ImageSummary,
  look: { readonly short: boolean; readonly digests: boolean },
): Row[] {
  return namesOf(image, look.digests).map(({ repository, tag, digest }) => ({
    Containers: image.Containers === -1 ? 'N/A' : String(image.Containers),
    get CreatedAt() {
      return goTime(image.Created);
    },
    get CreatedSince() {
      return ago(image.Created);
    },
    Digest: digest,
    ID: look.short ? shortId(image.Id) : image.Id,
    Repository: repository,
    SharedSize: image.SharedSize === -1 ? 'N/A' : humanSize(image.SharedSize, 4),
    Size: humanSize(image.Size),
    Tag: tag,
    UniqueSize:
      image.Size === -1 || image.SharedSize === -1 ? 'N/A' : humanSize(image.Size - image.SharedSize, 4),
    VirtualSize: humanSize(image.Size, 4),
  }));
}

const NONE = '<none>';

function namesOf({ RepoTags, RepoDigests }: ImageSummary, digests: boolean): Name[] {
  const tags = named(RepoTags);
  const byDigest = named(RepoDigests);
  if (tags.length === 0 && byDigest.length === 0) return [{ repository: NONE, tag: NONE, digest: NONE }];
  const tagged = tags.flatMap(({ repository, tag = NONE }) => {
    const own = digests ? byDigest.filter((reference) => reference.repository === repository) : [];
    const shown = own.length === 0 ? [NONE] : own.map(({ digest = NONE }) => digest);
    return shown.map((digest) => ({ repository, tag, digest }));
  });
  const untagged = byDigest.filter(({ repository }) =>
    tags.every((reference) => reference.repository !== repository),
  );
  const rest = untagged.map(({ repository, digest = NONE }) => ({
    repository,
    tag: NONE,
    digest: digests ? digest : '',
  }));
  return [...tagged, ...(digests ? rest : firstOfEach(rest))];
}

const named = (references: readonly string[] | null) =>
  (references ?? [])
    .filter((reference) => !/^<none>[:@]/.test(reference))
    .map((reference) => splitReference(reference));

function firstOfEach(names: readonly Name[]): Name[] {
  return names.filter(
    (name, index) => names.findIndex(({ repository }) => repository === name.repository) === index,
  );
}
