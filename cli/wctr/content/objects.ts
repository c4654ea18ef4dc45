import { Readable } from 'node:stream';
import { isDigest, type Digest } from '../../../image/digest.ts';
import { INDEXES, MANIFESTS } from '../../../image/manifest.ts';
import { print } from '../../output.ts';
import { standardSinks } from '../../stream/sinks.ts';
import { defineCommand } from '../command.ts';
import { openRemote, registryFlags, type Remote } from '../images/registry.ts';
import { blobBytes, checkDigest, readBlob } from './read.ts';
import { Content } from '../../../daemon/api/containerd/gen/containerd/services/content/v1/content_pb.ts';

export const fetchObject = defineCommand({
  usage: '[flags] <remote> <object> [<hint>, ...]',
  flags: registryFlags,
  run: async ({ flags, args: [ref] }) => {
    if (ref === undefined) throw new Error('please provide the reference of what is to be fetched');
    const { stdout } = standardSinks();
    for await (const bytes of objectOf(await openRemote(ref, 'pull', flags))) await stdout.write(bytes);
    return 0;
  },
});

/** What a tag names is a document; a digest may be a blob's. */
async function* objectOf(remote: Remote): AsyncGenerator<Uint8Array> {
  const { repository, ctx, reference } = remote;
  const digest = reference as Digest;
  // First, since registries fail in ways of their own when they are asked for a document that is a blob.
  const size = isDigest(reference) ? await repository.blobBytes(ctx, digest) : undefined;
  if (size === undefined) yield (await repository.manifest(ctx, reference)).bytes;
  else yield* repository.blob(ctx, { mediaType: '', digest, size }, 0);
}

export const pushObject = defineCommand({
  usage: '[flags] <remote> <object> <type>',
  flags: registryFlags,
  run: async ({ containerd, flags, args: [ref = '', digest = '', mediaType = ''] }) => {
    checkDigest(digest);
    const remote = await openRemote(ref, 'push', flags);
    const { info } = await containerd.service(Content).info({ digest });
    const descriptor = { mediaType, digest: digest as Digest, size: Number(info?.size ?? 0n) };
    const { repository, ctx, reference } = remote;
    if (INDEXES.has(mediaType) || MANIFESTS.has(mediaType)) {
      await repository.putManifest(ctx, reference, {
        descriptor,
        bytes: await blobBytes(containerd, digest),
      });
    } else {
      if (await repository.hasBlob(ctx, descriptor.digest))
        throw new Error(`content ${digest} on remote: already exists`);
      const open = (offset: number): Readable => Readable.from(readBlob(containerd, digest, offset));
      await repository.uploadBlob(ctx, descriptor, open, () => undefined);
    }
    print(`Pushed ${digest} ${mediaType}\n`);
    return 0;
  },
});
