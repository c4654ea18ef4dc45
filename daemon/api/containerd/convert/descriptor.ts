import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Target } from '../../../../image/namespaces/contract.ts';
import { invalidArgument } from '../../../../common/errors.ts';
import { isDigest, type Digest } from '../../../../image/digest.ts';
import type { Descriptor, DescriptorSchema } from '../gen/containerd/types/descriptor_pb.ts';

export const descriptorToWire = ({
  size,
  annotations,
  ...target
}: Target): MessageInitShape<typeof DescriptorSchema> => ({
  ...target,
  size: BigInt(size),
  annotations: { ...annotations },
});

export function descriptorFromWire(descriptor: Descriptor | undefined): Target {
  const { mediaType = '', digest = '', size = 0n, annotations = {} } = descriptor ?? {};
  return { mediaType, digest, size: Number(size), annotations };
}

/** Throws `invalid-argument`. */
export function digestFromWire(digest: string): Digest {
  if (!isDigest(digest)) throw invalidArgument(`${JSON.stringify(digest)} failed validation`);
  return digest;
}
