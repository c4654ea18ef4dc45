import type { Ctx } from '../../../common/ctx.ts';
import type { Core } from '../core.ts';

export interface Verb {
  readonly ctx: Ctx;
  readonly name: string;
  /** Id, name or prefix, as the client wrote it. */
  readonly reference: string;
}

/** Does a verb on a container as an operation. A reference that is nobody's is the verb's to refuse. */
export function onContainer<T>(
  core: Core,
  { ctx, name, reference }: Verb,
  work: (ctx: Ctx) => Promise<T>,
): Promise<T> {
  const id = idOf(core, reference);
  if (id === undefined) return work(ctx);
  return core.operations.run(ctx, { name, subject: { kind: 'container', id } }, work);
}

function idOf({ table }: Core, reference: string): string | undefined {
  try {
    return table.find(reference).id;
  } catch {
    return undefined;
  }
}
