import { createHash } from 'node:crypto';
import { createClient, type Client } from '@connectrpc/connect';
import { Containers } from '../../../daemon/api/containerd/gen/containerd/services/containers/v1/containers_pb.ts';
import {
  Content,
  WriteAction,
} from '../../../daemon/api/containerd/gen/containerd/services/content/v1/content_pb.ts';
import { Diff } from '../../../daemon/api/containerd/gen/containerd/services/diff/v1/diff_pb.ts';
import { Images } from '../../../daemon/api/containerd/gen/containerd/services/images/v1/images_pb.ts';
import { Introspection } from '../../../daemon/api/containerd/gen/containerd/services/introspection/v1/introspection_pb.ts';
import { Leases } from '../../../daemon/api/containerd/gen/containerd/services/leases/v1/leases_pb.ts';
import { Snapshots } from '../../../daemon/api/containerd/gen/containerd/services/snapshots/v1/snapshots_pb.ts';
import { Tasks } from '../../../daemon/api/containerd/gen/containerd/services/tasks/v1/tasks_pb.ts';
import { containerdTransport } from '../containerd-client.ts';

/** What a program that is linked with containerd's client library has in its hand. */
export interface Library {
  readonly containers: Client<typeof Containers>;
  readonly content: Client<typeof Content>;
  readonly diff: Client<typeof Diff>;
  readonly images: Client<typeof Images>;
  readonly introspection: Client<typeof Introspection>;
  readonly leases: Client<typeof Leases>;
  readonly snapshots: Client<typeof Snapshots>;
  readonly tasks: Client<typeof Tasks>;
}

export function openLibrary(address: string, namespace: string, lease = ''): Library {
  const transport = containerdTransport(address, namespace, lease);
  return {
    containers: createClient(Containers, transport),
    content: createClient(Content, transport),
    diff: createClient(Diff, transport),
    images: createClient(Images, transport),
    introspection: createClient(Introspection, transport),
    leases: createClient(Leases, transport),
    snapshots: createClient(Snapshots, transport),
    tasks: createClient(Tasks, transport),
  };
}

export const digestOf = (bytes: Uint8Array): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** As the library's content writer goes about it: where does it stand, a piece, another, the commit. */
export async function writeInPieces(
  { content }: Library,
  bytes: Buffer,
  { ref, labels }: { readonly ref: string; readonly labels: Record<string, string> },
): Promise<string> {
  const [total, middle] = [BigInt(bytes.length), Math.floor(bytes.length / 2)];
  async function* requests() {
    await Promise.resolve();
    yield { action: WriteAction.STAT, ref, total };
    yield { action: WriteAction.WRITE, ref, total, data: bytes.subarray(0, middle) };
    yield { action: WriteAction.WRITE, ref, total, offset: BigInt(middle), data: bytes.subarray(middle) };
    yield { action: WriteAction.COMMIT, ref, total, offset: total, labels };
  }
  let digest = '';
  for await (const answer of content.write(requests())) ({ digest } = answer);
  return digest;
}
