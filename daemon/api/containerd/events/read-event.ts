import { createRegistry, fromBinary, type DescMessage, type Message } from '@bufbuild/protobuf';
import { reflect, type ReflectMessage } from '@bufbuild/protobuf/reflect';
import { file_containerd_events_container } from '../gen/containerd/events/container_pb.ts';
import { file_containerd_events_content } from '../gen/containerd/events/content_pb.ts';
import { file_containerd_events_image } from '../gen/containerd/events/image_pb.ts';
import { file_containerd_events_namespace } from '../gen/containerd/events/namespace_pb.ts';
import { file_containerd_events_snapshot } from '../gen/containerd/events/snapshot_pb.ts';
import { file_containerd_events_task } from '../gen/containerd/events/task_pb.ts';
import type { Packed } from '../../../core/containerd/contract.ts';

const known = createRegistry(
  file_containerd_events_container,
  file_containerd_events_content,
  file_containerd_events_image,
  file_containerd_events_namespace,
  file_containerd_events_snapshot,
  file_containerd_events_task,
);

/** A field of an event by its path, for filters: its text, or that of the label that the rest of the path names. */
export function readEvent({ typeUrl, value }: Packed, path: readonly string[]): string | undefined {
  const schema = known.getMessage(typeUrl);
  return schema === undefined ? undefined : readField(reflect(schema, decode(schema, value)), path);
}

const decode = (schema: DescMessage, value: Uint8Array): Message => fromBinary(schema, value);

function readField(message: ReflectMessage, [name = '', ...rest]: readonly string[]): string | undefined {
  const field = message.fields.find((each) => each.name === name);
  if (field === undefined || !message.isSet(field)) return undefined;
  const value: unknown = message.get(field);
  switch (field.fieldKind) {
    case 'message':
      return readField(message.get(field), rest);
    case 'map': {
      const found: unknown = message.get(field).get(rest.join('.'));
      return typeof found === 'string' ? found : undefined;
    }
    case 'scalar':
      return typeof value === 'string' ? value : undefined;
    case 'enum':
    case 'list':
      return undefined;
  }
}
