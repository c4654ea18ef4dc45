import { open } from 'node:fs/promises';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import { codeOf, invalidArgument, messageOf, notFound } from '../../../../common/errors.ts';
import { isDigest, type Digest } from '../../../../image/digest.ts';
import type { ContentInfo, IngestStatus } from '../../../../image/namespaces/contract.ts';
import { outOfRange } from '../../../../image/namespaces/errors.ts';
import { compileFilters, type Fields } from '../../../../image/namespaces/filter.ts';
import { ctxOf, namespaceOf } from '../call.ts';
import { toTimestamp } from '../convert/any.ts';
import { digestFromWire } from '../convert/descriptor.ts';
import { ContentDeleteSchema } from '../gen/containerd/events/content_pb.ts';
import type { Content, InfoSchema, StatusSchema } from '../gen/containerd/services/content/v1/content_pb.ts';
import type { ContainerdParts } from '../parts.ts';
import { writeContent } from './content-write.ts';

/** Of one message. */
const CHUNK_BYTES = 1 << 20;
const INFOS = 100;

export function makeContent(parts: ContainerdParts): ServiceImpl<typeof Content> {
  const { containerd, events, log } = parts;
  const { content, ingests } = containerd.store;
  return {
    info: ({ digest }, context) => ({
      info: infoToWire(content.info(namespaceOf(context), digestFromWire(digest))),
    }),
    update: ({ info, updateMask }, context) => {
      const change = { digest: digestFromWire(info?.digest ?? ''), labels: info?.labels ?? {} };
      return { info: infoToWire(content.update(namespaceOf(context), change, updateMask?.paths ?? [])) };
    },
    list: async function* ({ filters }, context) {
      const passes = compileFilters(filters);
      const all = content.list(namespaceOf(context)).filter((info) => passes(infoFields(info)));
      for (let at = 0; at < all.length; at += INFOS)
        yield { info: all.slice(at, at + INFOS).map(infoToWire) };
    },
    delete: ({ digest }, context) => {
      const namespace = namespaceOf(context);
      if (!isDigest(digest)) throw invalidArgument('invalid checksum digest format');
      content.delete(namespace, digest);
      events.publish({ namespace, topic: '/content/delete' }, ContentDeleteSchema, { digest });
      return {};
    },
    read: async function* ({ digest, offset, size }, context) {
      const ctx = ctxOf(log, context);
      await using blob = await content.open(ctx, namespaceOf(context), readable(digest));
      const begin = Math.max(0, Number(offset));
      if (begin > blob.sizeBytes) throw outOfRange(`read past object length ${blob.sizeBytes} bytes`);
      const end = Number(size) <= 0 ? blob.sizeBytes : Math.min(blob.sizeBytes, begin + Number(size));
      await using file = await open(blob.path);
      for (let at = begin; at < end;) {
        ctx.check();
        const data = new Uint8Array(Math.min(CHUNK_BYTES, end - at));
        const { bytesRead } = await file.read(data, 0, data.byteLength, at);
        if (bytesRead === 0) throw outOfRange(`content ${digest} ends at ${at}`);
        yield { offset: BigInt(at - begin), data: data.subarray(0, bytesRead) };
        at += bytesRead;
      }
    },
    status: async ({ ref }, context) => {
      try {
        return { status: statusToWire(await ingests.status(namespaceOf(context), ref)) };
      } catch (error) {
        if (codeOf(error) !== 'not-found') throw error;
        throw notFound(`could not get status for ref ${JSON.stringify(ref)}: ${messageOf(error)}`);
      }
    },
    listStatuses: async ({ filters }, context) => {
      const passes = compileFilters(filters);
      const all = await ingests.list(namespaceOf(context));
      const fields =
        ({ ref }: IngestStatus): Fields =>
        ([field]) =>
          field === 'ref' ? ref : undefined;
      return { statuses: all.filter((status) => passes(fields(status))).map(statusToWire) };
    },
    write: (requests, context) => writeContent(parts, requests, context),
    abort: async ({ ref }, context) => {
      await ingests.abort(namespaceOf(context), ref);
      return {};
    },
  };
}

/** As `read` says it. */
function readable(digest: string): Digest {
  if (!isDigest(digest)) throw invalidArgument(`${digest}: invalid checksum digest format`);
  return digest;
}

const infoToWire = ({
  digest,
  sizeBytes,
  labels,
  createdAt,
  updatedAt,
}: ContentInfo): MessageInitShape<typeof InfoSchema> => ({
  ...{ digest, labels },
  size: BigInt(sizeBytes),
  createdAt: toTimestamp(createdAt),
  updatedAt: toTimestamp(updatedAt),
});

const statusToWire = ({
  offset,
  total,
  startedAt,
  updatedAt,
  ...status
}: IngestStatus): MessageInitShape<typeof StatusSchema> => ({
  ...status,
  offset: BigInt(offset),
  total: BigInt(total),
  startedAt: toTimestamp(startedAt),
  updatedAt: toTimestamp(updatedAt),
});

const infoFields =
  ({ digest, labels, sizeBytes }: ContentInfo): Fields =>
  ([field = '', ...rest]) => {
    switch (field) {
      case 'digest':
        return digest;
      case 'size':
        return String(sizeBytes);
      case 'labels':
        return labels[rest.join('.')];
      default:
        return undefined;
    }
  };
