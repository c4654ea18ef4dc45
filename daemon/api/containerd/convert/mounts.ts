import type { MessageInitShape } from '@bufbuild/protobuf';
import type { MountSpec } from '../../../../image/namespaces/contract.ts';
import type { Mount, MountSchema } from '../gen/containerd/types/mount_pb.ts';

export const mountToWire = ({ options, ...mount }: MountSpec): MessageInitShape<typeof MountSchema> => ({
  ...mount,
  options: [...options],
});

export const mountFromWire = ({ type, source, options }: Mount): MountSpec => ({ type, source, options });
