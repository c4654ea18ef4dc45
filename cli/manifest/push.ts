import { codeOf, invalidArgument, messageOf, WherryError } from '../../common/errors.ts';
import { sha256, type Digest } from '../../image/digest.ts';
import { parseDocument } from '../../image/manifest.ts';
import type { Manifest } from '../../image/registry/contract.ts';
import { escapeHtml } from '../format/json.ts';
import { listDocument } from './document.ts';
import type { ListedManifest } from './lists.ts';
import { manifestName, type ManifestName } from './name.ts';
import { openRemote, type Remote } from './registry.ts';

interface PushOptions {
  readonly insecure: boolean;
  /** Called with each manifest that the list's repository did not have. */
  readonly onPushed: (name: string, digest: Digest) => void;
}

/** A manifest of another repository of the registry. */
interface Foreign {
  /** Path of its repository. */
  readonly from: string;
  readonly os: string | undefined;
  readonly manifest: Manifest;
}

/**
 * Sends the list, and before it those manifests that are of other repositories of its registry, whose blobs are mounted from there. Returns
 * the list's digest. Throws before anything is sent for manifests that can't be in one list.
 */
export async function pushList(
  list: ManifestName,
  manifests: readonly ListedManifest[],
  { insecure, onPushed }: PushOptions,
): Promise<Digest> {
  for (const { Ref, Descriptor } of manifests) {
    if (!Descriptor.platform?.architecture || !Descriptor.platform.os)
      throw invalidArgument(`manifest ${Ref} must have an OS and Architecture to be pushed to a registry`);
  }
  const document = listDocument(list, manifests);
  const foreign = manifests.flatMap((listed) => {
    const { path } = manifestName(listed.Ref);
    const { platform } = listed.Descriptor;
    return path === list.path ? [] : [{ from: path, os: platform?.os, manifest: manifestOf(listed) }];
  });
  using remote = await openRemote(list, { access: 'push', insecure });
  for (const each of foreign) await mountBlobs(remote, list, each);
  for (const { manifest } of foreign) {
    const { digest } = manifest.descriptor;
    await put(remote, { manifest, reference: digest, shown: `${list.repository}@${digest}` });
    onPushed(`${list.repository}@${digest}`, digest);
  }
  await put(remote, { manifest: document, reference: list.reference, shown: list.text });
  return document.descriptor.digest;
}

/** As the registry sent it. Where docker did not keep that, its form is guessed, which the digest proves. */
function manifestOf({ Ref, Descriptor, Raw, SchemaV2Manifest, OCIManifest }: ListedManifest): Manifest {
  const guessed = (): string =>
    JSON.stringify(SchemaV2Manifest ?? OCIManifest, undefined, SchemaV2Manifest ? 3 : 2);
  const bytes = Raw ? Buffer.from(Raw, 'base64') : Buffer.from(escapeHtml(guessed()));
  const found = sha256(bytes);
  if (found !== Descriptor.digest) {
    throw invalidArgument(`internal digest mismatch for ${Ref}: expected ${Descriptor.digest}, got ${found}`);
  }
  const { mediaType, digest, size } = Descriptor;
  return { descriptor: { mediaType, digest, size }, bytes };
}

async function mountBlobs({ ctx, repository }: Remote, list: ManifestName, foreign: Foreign): Promise<void> {
  const { from, os, manifest } = foreign;
  const document = parseDocument(manifest);
  const blobs = document.kind === 'image' ? [document.config, ...document.layers] : document.manifests;
  for (const { digest } of blobs) {
    const shown = `${from}@${digest}`;
    const isMounted = await repository.mountBlob(ctx, digest, from).catch((error: unknown) => {
      throw explained(`failed to mount blob ${shown} to ${list.text}`, error);
    });
    // Layers of windows may be elsewhere than in a registry.
    if (!isMounted && os !== 'windows') throw invalidArgument(`error mounting ${shown} to ${list.text}`);
  }
}

async function put(
  { ctx, repository }: Remote,
  { manifest, reference, shown }: { manifest: Manifest; reference: string; shown: string },
): Promise<void> {
  await repository.putManifest(ctx, reference, manifest).catch((error: unknown) => {
    throw explained(`failed to put manifest ${shown}`, error);
  });
}

const explained = (what: string, cause: unknown): WherryError =>
  new WherryError(codeOf(cause), `${what}: ${messageOf(cause)}`, { cause });
