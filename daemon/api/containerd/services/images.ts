import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import type { NamedImage, NewImage } from '../../../../image/namespaces/contract.ts';
import { compileRecordFilters, type Fields } from '../../../../image/namespaces/filter.ts';
import { namespaceOf } from '../call.ts';
import { toTimestamp } from '../convert/any.ts';
import { descriptorFromWire, descriptorToWire } from '../convert/descriptor.ts';
import {
  ImageCreateSchema,
  ImageDeleteSchema,
  ImageUpdateSchema,
} from '../gen/containerd/events/image_pb.ts';
import type { Image, Images, ImageSchema } from '../gen/containerd/services/images/v1/images_pb.ts';
import type { ContainerdParts } from '../parts.ts';

export function makeImages({ containerd, events }: ContainerdParts): ServiceImpl<typeof Images> {
  const { images } = containerd.store;
  return {
    get: ({ name }, context) => ({ image: imageToWire(images.get(namespaceOf(context), name)) }),
    list: ({ filters }, context) => {
      const passes = compileRecordFilters(filters);
      const all = images.list(namespaceOf(context));
      return { images: all.filter((image) => passes(imageFields(image))).map(imageToWire) };
    },
    create: ({ image }, context) => {
      const namespace = namespaceOf(context);
      const created = images.create(namespace, imageFromWire(image));
      const { name, labels } = created;
      events.publish({ namespace, topic: '/images/create' }, ImageCreateSchema, { name, labels });
      return { image: imageToWire(created) };
    },
    update: ({ image, updateMask }, context) => {
      const namespace = namespaceOf(context);
      const updated = images.update(namespace, imageFromWire(image), updateMask?.paths ?? []);
      const { name, labels } = updated;
      events.publish({ namespace, topic: '/images/update' }, ImageUpdateSchema, { name, labels });
      return { image: imageToWire(updated) };
    },
    delete: async ({ name, sync }, context) => {
      const namespace = namespaceOf(context);
      images.delete(namespace, name);
      events.publish({ namespace, topic: '/images/delete' }, ImageDeleteSchema, { name });
      if (sync) await containerd.store.collect();
      return {};
    },
  };
}

const imageToWire = ({
  target,
  createdAt,
  updatedAt,
  ...image
}: NamedImage): MessageInitShape<typeof ImageSchema> => ({
  ...image,
  target: descriptorToWire(target),
  createdAt: toTimestamp(createdAt),
  updatedAt: toTimestamp(updatedAt),
});

function imageFromWire(image: Image | undefined): NewImage {
  const { name, labels, target } = image ?? { name: '', labels: {}, target: undefined };
  return { name, labels, target: descriptorFromWire(target) };
}

const imageFields =
  ({ name, target, labels }: NamedImage): Fields =>
  ([field = '', ...rest]) => {
    switch (field) {
      case 'name':
        return name;
      case 'target':
        return rest[0] === 'digest' ? target.digest : rest[0] === 'mediatype' ? target.mediaType : undefined;
      case 'labels':
        return labels[rest.join('.')];
      case 'annotations':
        return target.annotations[rest.join('.')];
      default:
        return undefined;
    }
  };
