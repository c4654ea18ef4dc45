import { create, toBinary } from '@bufbuild/protobuf';
import { AnySchema } from '@bufbuild/protobuf/wkt';
import type { HandlerContext, ServiceImpl } from '@connectrpc/connect';
import { codeOf } from '../../../../common/errors.ts';
import { compileFilters } from '../../../../image/namespaces/filter.ts';
import type { Resources } from '../../../../runtime/spec.ts';
import { parseJson } from '../../../core/tasks/spec.ts';
import type { CheckpointTask, ProcessRef, TaskRef } from '../../../core/tasks/contract.ts';
import { realTimeNs } from '../../../core/time.ts';
import { ctxOf, namespaceOf, scopeOf } from '../call.ts';
import { nsToTimestamp, toAny } from '../convert/any.ts';
import { descriptorToWire } from '../convert/descriptor.ts';
import { metricsToAny } from '../convert/metrics.ts';
import { checkpointOptions, processToWire, restoreFrom, runtimeOptions } from '../convert/task.ts';
import { publishTaskEvent } from '../events/task-events.ts';
import { ProcessDetailsSchema } from '../gen/containerd/runtime/runc/options_pb.ts';
import type { Tasks } from '../gen/containerd/services/tasks/v1/tasks_pb.ts';
import type { ContainerdParts } from '../parts.ts';

type Impl = ServiceImpl<typeof Tasks>;

export function makeTasks(parts: ContainerdParts): Impl {
  const { containerd, events } = parts;
  containerd.tasks.watch((event) => publishTaskEvent(events.publish, event));
  return { ...lives(parts), ...streams(parts), ...looks(parts), ...changes(parts) };
}

const taskOf = (context: HandlerContext, { containerId: id }: { readonly containerId: string }): TaskRef => ({
  namespace: namespaceOf(context),
  id,
});

const refOf = (
  context: HandlerContext,
  request: { readonly containerId: string; readonly execId?: string },
): ProcessRef => ({ ...taskOf(context, request), execId: request.execId || undefined });

const endToWire = ({ code, atNs }: { readonly code: number; readonly atNs: bigint }) => ({
  exitStatus: code,
  exitedAt: nsToTimestamp(atNs),
});

function lives({
  containerd,
  log,
}: ContainerdParts): Pick<Impl, 'create' | 'start' | 'delete' | 'deleteProcess' | 'exec' | 'wait'> {
  const { tasks, containers } = containerd;
  const remove = async (context: HandlerContext, ref: ProcessRef) => {
    const { pid, ...exit } = await tasks.delete(ctxOf(log, context), ref);
    return { id: ref.execId ?? ref.id, pid, ...endToWire(exit) };
  };
  return {
    create: async (request, context) => {
      const [ctx, namespace] = [ctxOf(log, context), namespaceOf(context)];
      const { containerId: id, rootfs, stdin, stdout, stderr, terminal, options } = request;
      const { runtime } = await containers.get(namespace, id);
      const pid = await tasks.create(ctx, namespace, {
        id,
        stdio: { stdin, stdout, stderr, terminal },
        rootfs: rootfs.map(({ type, source, options: words }) => ({ type, source, options: words })),
        options: runtimeOptions(options, runtime.options),
        checkpoint: restoreFrom(request),
      });
      return { containerId: id, pid };
    },
    start: async (request, context) => ({
      pid: await tasks.start(ctxOf(log, context), refOf(context, request)),
    }),
    delete: async (request, context) => remove(context, refOf(context, request)),
    deleteProcess: async (request, context) => remove(context, refOf(context, request)),
    exec: async (request, context) => {
      const [ctx, namespace] = [ctxOf(log, context), namespaceOf(context)];
      const { containerId: id, execId, stdin, stdout, stderr, terminal, spec } = request;
      await tasks.exec(ctx, {
        ...{ namespace, id, execId },
        stdio: { stdin, stdout, stderr, terminal },
        process: spec?.value ?? new Uint8Array(),
      });
      return {};
    },
    wait: async (request, context) =>
      endToWire(await tasks.wait(ctxOf(log, context), refOf(context, request))),
  };
}

function streams({ containerd, log }: ContainerdParts): Pick<Impl, 'kill' | 'resizePty' | 'closeIO'> {
  const { tasks } = containerd;
  return {
    kill: async (request, context) => {
      const { signal, all } = request;
      await tasks.kill(ctxOf(log, context), refOf(context, request), { signal, all });
      return {};
    },
    resizePty: async (request, context) => {
      const size = { rows: request.height, columns: request.width };
      await tasks.resize(ctxOf(log, context), refOf(context, request), size);
      return {};
    },
    closeIO: async (request, context) => {
      if (request.stdin) await tasks.closeStdin(refOf(context, request));
      return {};
    },
  };
}

function looks({ containerd }: ContainerdParts): Pick<Impl, 'get' | 'list' | 'listPids' | 'metrics'> {
  const { tasks } = containerd;
  return {
    get: async (request, context) => ({ process: processToWire(await tasks.get(refOf(context, request))) }),
    list: async (_request, context) => ({
      tasks: (await tasks.list(namespaceOf(context))).map(processToWire),
    }),
    listPids: async (request, context) => {
      const pids = await tasks.pids(taskOf(context, request));
      return { processes: pids.map(({ pid, execId }) => ({ pid, ...details(execId) })) };
    },
    metrics: async ({ filters }, context) => {
      const namespace = namespaceOf(context);
      const passes = compileFilters(filters);
      const found = (await tasks.list(namespace)).filter(({ id }) =>
        passes(([field]) => (field === 'id' ? id : field === 'namespace' ? namespace : undefined)),
      );
      const metrics = await Promise.all(
        found.map(async (task) => {
          // One that ended just now has none.
          const statistics = await tasks.statistics(task).catch(ifGone);
          const data = statistics && toAny(metricsToAny(statistics));
          return data === undefined ? [] : [{ id: task.id, timestamp: nsToTimestamp(realTimeNs()), data }];
        }),
      );
      return { metrics: metrics.flat() };
    },
  };
}

function ifGone(error: unknown): undefined {
  if (codeOf(error) !== 'not-found') throw error;
}

function details(execId: string | undefined) {
  if (execId === undefined) return {};
  const value = toBinary(ProcessDetailsSchema, create(ProcessDetailsSchema, { execId }));
  const info = toAny({ typeUrl: ProcessDetailsSchema.typeName, value });
  return info === undefined ? {} : { info };
}

function changes({
  containerd,
  log,
}: ContainerdParts): Pick<Impl, 'pause' | 'resume' | 'update' | 'checkpoint'> {
  const { tasks, containers } = containerd;
  return {
    pause: async (request, context) => {
      await tasks.pause(ctxOf(log, context), taskOf(context, request));
      return {};
    },
    resume: async (request, context) => {
      await tasks.resume(ctxOf(log, context), taskOf(context, request));
      return {};
    },
    update: async (request, context) => {
      // Of what there is not nothing need be read.
      await tasks.get(refOf(context, { containerId: request.containerId }));
      const resources = parseJson(request.resources?.value ?? new Uint8Array()) as Resources;
      await tasks.update(ctxOf(log, context), taskOf(context, request), resources);
      return {};
    },
    checkpoint: async (request, context) => {
      await tasks.get(refOf(context, { containerId: request.containerId }));
      const [ctx, task] = [ctxOf(log, context), taskOf(context, request)];
      const { images, ...options } = checkpointOptions(request.options);
      const { spec } = await containers.get(task.namespace, task.id);
      const into: CheckpointTask['into'] =
        images === ''
          ? { kind: 'content', scope: scopeOf(context), config: toBinary(AnySchema, create(AnySchema, spec)) }
          : { kind: 'directory', path: images };
      const made = await tasks.checkpoint(ctx, task, { ...options, into });
      return { descriptors: made.map(descriptorToWire) };
    },
  };
}
