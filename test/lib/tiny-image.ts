import { Readable } from 'node:stream';
import { makeCtx } from '../../common/ctx.ts';
import { silentLog } from '../../common/log.ts';
import { sha256, type Digest } from '../../image/digest.ts';
import {
  DOCKER_CONFIG,
  DOCKER_LIST,
  DOCKER_MANIFEST,
  OCI_CONFIG,
  OCI_MANIFEST,
} from '../../image/manifest.ts';
import { makeRegistryClient } from '../../image/registry/client.ts';
import type { Credentials, Descriptor, Repository } from '../../image/registry/contract.ts';
import { makeRegistryHosts } from '../../image/registry/hosts.ts';

/** An image of one layer as a registry has it: nothing that could run. */
export interface TinyImage {
  /** Complete, with its tag. */
  readonly name: string;
  readonly config: object;
  readonly isOci?: boolean;
}

const ctx = makeCtx(silentLog);

/** Does it with the repository of a name of a registry of this machine. */
export async function inRepository<T>(
  name: string,
  credentials: Credentials | undefined,
  act: (repository: Repository) => Promise<T>,
): Promise<T> {
  const hosts = makeRegistryHosts({
    mirrors: [],
    insecure: [],
    directory: '/nowhere',
    certificates: '/nowhere',
  });
  const client = makeRegistryClient({ hosts });
  try {
    return await act(client.repository(name, 'push', credentials));
  } finally {
    client.close();
  }
}

/** The text of what a registry has under a name. */
export const textOf = (name: string): Promise<string> =>
  inRepository(repositoryOf(name), undefined, async (repository) =>
    Buffer.from((await repository.manifest(ctx, tagOf(name))).bytes).toString(),
  );

/** Pushes it and returns its manifest's digest. */
export const putTiny = (image: TinyImage, credentials?: Credentials): Promise<Digest> =>
  inRepository(repositoryOf(image.name), credentials, async (repository) => {
    const { isOci = false } = image;
    const config = await putBlob(
      repository,
      isOci ? OCI_CONFIG : DOCKER_CONFIG,
      JSON.stringify(image.config),
    );
    const layer = await putBlob(repository, LAYERS[isOci ? 'oci' : 'docker'], `layer of ${image.name}`);
    const mediaType = isOci ? OCI_MANIFEST : DOCKER_MANIFEST;
    const annotations = isOci ? { annotations: { '2': '<b>&', '1': 'a' } } : {};
    const document = { schemaVersion: 2, mediaType, config, layers: [layer], ...annotations };
    return putDocument(repository, tagOf(image.name), { mediaType, document });
  });

/** A list of nothing. */
export const putEmptyList = (name: string): Promise<Digest> =>
  inRepository(repositoryOf(name), undefined, (repository) => {
    const document = { schemaVersion: 2, mediaType: DOCKER_LIST, manifests: [] };
    return putDocument(repository, tagOf(name), { mediaType: DOCKER_LIST, document });
  });

const LAYERS = {
  docker: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  oci: 'application/vnd.oci.image.layer.v1.tar+gzip',
} as const;

const repositoryOf = (name: string): string => name.slice(0, name.lastIndexOf(':'));
const tagOf = (name: string): string => name.slice(name.lastIndexOf(':') + 1);

async function putBlob(repository: Repository, mediaType: string, text: string): Promise<Descriptor> {
  const blob: Descriptor = { mediaType, digest: sha256(text), size: Buffer.byteLength(text) };
  const open = (offset: number): Readable => Readable.from([Buffer.from(text).subarray(offset)]);
  await repository.uploadBlob(ctx, blob, open, () => {});
  return blob;
}

/** Spaced as nobody spaces it: who writes it anew has another digest. */
async function putDocument(
  repository: Repository,
  tag: string,
  { mediaType, document }: { readonly mediaType: string; readonly document: object },
): Promise<Digest> {
  const bytes = Buffer.from(JSON.stringify(document, undefined, 7));
  const descriptor = { mediaType, digest: sha256(bytes), size: bytes.length };
  await repository.putManifest(ctx, tag, { descriptor, bytes });
  return descriptor.digest;
}
