import type { ServiceImpl } from '@connectrpc/connect';
import { malformed } from '../../../../image/namespaces/errors.ts';
import { ctxOf, namespaceOf, scopeOf } from '../call.ts';
import { descriptorToWire, digestFromWire } from '../convert/descriptor.ts';
import { mountFromWire } from '../convert/mounts.ts';
import type { Diff } from '../gen/containerd/services/diff/v1/diff_pb.ts';
import type { ContainerdParts } from '../parts.ts';

/** Of a layer that is unpacked. */
const PLAIN_LAYER = 'application/vnd.oci.image.layer.v1.tar';

export function makeDiff({ containerd, log }: ContainerdParts): ServiceImpl<typeof Diff> {
  const { differ } = containerd.store;
  return {
    apply: async ({ diff, mounts }, context) => {
      if (diff === undefined) throw malformed('diff must be set');
      const namespace = namespaceOf(context);
      const { diffId, sizeBytes } = await differ.apply(ctxOf(log, context), namespace, {
        digest: digestFromWire(diff.digest),
        mounts: mounts.map(mountFromWire),
      });
      return { applied: { mediaType: PLAIN_LAYER, digest: diffId, size: BigInt(sizeBytes) } };
    },
    diff: async ({ left, right, mediaType, labels }, context) => {
      const made = await differ.diff(ctxOf(log, context), scopeOf(context), {
        left: left.map(mountFromWire),
        right: right.map(mountFromWire),
        ...{ mediaType, labels },
      });
      return { diff: descriptorToWire(made) };
    },
  };
}
