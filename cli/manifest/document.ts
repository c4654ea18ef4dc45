import { invalidArgument } from '../../common/errors.ts';
import { sha256 } from '../../image/digest.ts';
import { asStrings, optionalString, type JsonObject } from '../../image/json.ts';
import { DOCKER_LIST, OCI_INDEX, OCI_MANIFEST } from '../../image/manifest.ts';
import type { Manifest } from '../../image/registry/contract.ts';
import { escapeHtml } from '../format/json.ts';
import type { ListedManifest, ListedPlatform } from './lists.ts';
import { manifestName, type ManifestName } from './name.ts';

/** Docker's indentation of what it writes: the digest depends on it. */
const LIST_INDENT = 3;

/** What stands for these manifests in the registry, byte by byte as docker's client has it. Throws `invalid-argument`. */
export function listDocument(list: ManifestName, manifests: readonly ListedManifest[]): Manifest {
  const mediaType = manifests[0]?.Descriptor.mediaType === OCI_MANIFEST ? OCI_INDEX : DOCKER_LIST;
  const entries = manifests.map((listed) => entryOf(list, listed));
  const text = JSON.stringify({ schemaVersion: 2, mediaType, manifests: entries }, undefined, LIST_INDENT);
  const bytes = Buffer.from(escapeHtml(text));
  return { descriptor: { mediaType, digest: sha256(bytes), size: bytes.length }, bytes };
}

function entryOf(list: ManifestName, { Ref, Descriptor }: ListedManifest): object {
  const { host } = manifestName(Ref);
  if (host !== list.host) {
    throw invalidArgument(
      `cannot use source images from a different registry than the target image: ${host} != ${list.host}`,
    );
  }
  const { mediaType, size, digest, platform } = Descriptor;
  return { mediaType, size, digest, platform: platformOf({ ...platform }) };
}

/** Of a configuration, a file or an entry, in docker's order; all but the first two are left out when empty. */
export function platformOf(item: JsonObject): ListedPlatform {
  const text = (key: string): string => optionalString(item[key], `platform.${key}`) ?? '';
  const [version, variant] = [text('os.version'), text('variant')];
  const features = asStrings(item['os.features'], 'platform.os.features');
  return {
    ...{ architecture: text('architecture'), os: text('os') },
    ...(version === '' ? {} : { 'os.version': version }),
    ...(features.length === 0 ? {} : { 'os.features': features }),
    ...(variant === '' ? {} : { variant }),
  };
}
