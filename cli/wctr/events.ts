import { fromBinary, type DescMessage } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { print } from '../output.ts';
import { defineCommand } from './command.ts';
import { goMessage } from './go-message.ts';
import { goTime } from './times.ts';
import * as container from '../../daemon/api/containerd/gen/containerd/events/container_pb.ts';
import * as content from '../../daemon/api/containerd/gen/containerd/events/content_pb.ts';
import * as image from '../../daemon/api/containerd/gen/containerd/events/image_pb.ts';
import * as namespace from '../../daemon/api/containerd/gen/containerd/events/namespace_pb.ts';
import * as snapshot from '../../daemon/api/containerd/gen/containerd/events/snapshot_pb.ts';
import * as task from '../../daemon/api/containerd/gen/containerd/events/task_pb.ts';
import { Events } from '../../daemon/api/containerd/gen/containerd/services/events/v1/events_pb.ts';

const SCHEMAS = new Map(
  [container, content, image, namespace, snapshot, task]
    .flatMap((module) => Object.values(module) as DescMessage[])
    .filter((each) => each.kind === 'message')
    .map((schema) => [schema.typeName, schema]),
);

/** What happens, one line each, in every namespace unless a filter says otherwise. */
export const events = defineCommand({
  usage: '[flags] [<filter>, ...]',
  flags: {},
  run: async ({ containerd, args }) => {
    for await (const { timestamp, namespace: where, topic, event } of containerd
      .service(Events)
      .subscribe({ filters: [...args] })) {
      print(`${goTime(timestamp)} ${where} ${topic} ${JSON.stringify(shown(event))}\n`);
    }
    return 0;
  },
});

function shown(event: Any | undefined): unknown {
  if (event === undefined) return null;
  const schema = SCHEMAS.get(event.typeUrl.slice(event.typeUrl.lastIndexOf('/') + 1));
  return schema === undefined
    ? { type_url: event.typeUrl, value: Buffer.from(event.value).toString('base64') }
    : goMessage(schema, fromBinary(schema, event.value));
}
