import type { MessageInitShape } from '@bufbuild/protobuf';
import { ConnectError, Code, type HandlerContext } from '@connectrpc/connect';
import type { Ctx } from '../../../../common/ctx.ts';
import { isDigest } from '../../../../image/digest.ts';
import type { Ingest, Namespaced } from '../../../../image/namespaces/contract.ts';
import type { Scope } from '../../../../image/namespaces/scope.ts';
import { outOfRange } from '../../../../image/namespaces/errors.ts';
import { ctxOf, scopeOf } from '../call.ts';
import { toTimestamp } from '../convert/any.ts';
import {
  WriteAction,
  type WriteContentRequest,
  type WriteContentResponseSchema,
} from '../gen/containerd/services/content/v1/content_pb.ts';
import type { ContainerdParts } from '../parts.ts';

type Response = MessageInitShape<typeof WriteContentResponseSchema>;

/** One conversation about one content: its first message names it, each gets an answer, a commit ends it. */
export async function* writeContent(
  { containerd, log }: ContainerdParts,
  requests: AsyncIterable<WriteContentRequest>,
  context: HandlerContext,
): AsyncGenerator<Response> {
  const [ctx, scope] = [ctxOf(log, context), scopeOf(context)];
  let writing: Writing | undefined;
  try {
    for await (const request of requests) {
      writing ??= await begin(containerd.store, scope, request);
      await refuseKnown(containerd.store, writing, request);
      yield await writing.answer(ctx, request);
      if (request.action === WriteAction.COMMIT) return;
    }
  } finally {
    await writing?.ingest[Symbol.asyncDispose]();
  }
}

async function begin(store: Namespaced, scope: Scope, request: WriteContentRequest): Promise<Writing> {
  const { ref, total, expected } = request;
  if (ref === '') throw new ConnectError('first message must have a reference', Code.InvalidArgument);
  const ingest = await store.ingests.open(scope, { ref, total: Number(total), expected });
  return new Writing({ scope, ref, ingest });
}

/** What the client is about to send is there. */
async function refuseKnown(
  store: Namespaced,
  { scope, ref, ingest }: Writing,
  { expected }: WriteContentRequest,
): Promise<void> {
  if (!isDigest(expected)) return;
  const { namespace } = scope;
  if (!store.content.list(namespace).some(({ digest }) => digest === expected)) return;
  await ingest[Symbol.asyncDispose]();
  await store.ingests.abort(namespace, ref);
  throw new ConnectError(`blob with expected digest ${expected} exists`, Code.AlreadyExists);
}

class Writing {
  readonly scope: Scope;
  readonly ref: string;
  readonly ingest: Ingest;
  #total = 0;
  #expected = '';

  constructor({
    scope,
    ref,
    ingest,
  }: {
    readonly scope: Scope;
    readonly ref: string;
    readonly ingest: Ingest;
  }) {
    this.scope = scope;
    this.ref = ref;
    this.ingest = ingest;
  }

  async answer(ctx: Ctx, request: WriteContentRequest): Promise<Response> {
    const { action, expected, total, labels } = request;
    if (expected !== '') this.#expected = expected;
    if (total > 0n) this.#total = Number(total);
    if (action === WriteAction.STAT) {
      const { startedAt, updatedAt, offset } = this.ingest.status();
      return {
        ...{ action, offset: BigInt(offset), total: BigInt(this.#total), digest: await this.#digestSoFar() },
        startedAt: toTimestamp(startedAt),
        updatedAt: toTimestamp(updatedAt),
      };
    }
    await this.#write(request);
    const { offset } = this.ingest.status();
    if (action !== WriteAction.COMMIT)
      return { action, offset: BigInt(offset), digest: await this.#digestSoFar() };
    const wanted = { total: this.#total, expected: this.#expected, labels };
    const digest = await this.ingest.commit(ctx, wanted);
    return { action, offset: BigInt(offset), digest };
  }

  /** A client that does not know what it will have sent learns it from the last write's answer: it commits without a word of it. */
  #digestSoFar(): Promise<string> {
    return !isDigest(this.#expected) ? this.ingest.digestSoFar() : Promise.resolve(this.#expected);
  }

  async #write({ offset, data, action }: WriteContentRequest): Promise<void> {
    const { offset: present } = this.ingest.status();
    const wanted = Number(offset);
    if (wanted > 0 && wanted !== present)
      throw outOfRange(`write @${wanted} must occur at current offset ${present}`);
    // A commit of what was written before names no offset, if it is nothing.
    const beginsAnew = wanted === 0 && present > 0 && (data.byteLength > 0 || action === WriteAction.WRITE);
    if (beginsAnew) await this.ingest.truncate(0);
    if (data.byteLength > 0) await this.ingest.write(data);
  }
}
