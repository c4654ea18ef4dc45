import type { ImageId } from '../../../image/snapshots.ts';
import type { Containers } from '../../core/contract.ts';
import { isUp } from './convert/state.ts';

/** The containers that were made from an image, or mount it. */
export const imageUsers = (containers: Containers, image: ImageId): { id: string; running: boolean }[] =>
  containers
    .list()
    .filter(
      ({ imageId, mounts }) =>
        imageId === image || mounts.some(({ type, source }) => type === 'image' && source === image),
    )
    .map(({ id, state }) => ({ id, running: isUp(state) }));
