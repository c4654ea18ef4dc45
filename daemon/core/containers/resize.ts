import type { Ctx } from '../../../common/ctx.ts';
import { conflict } from '../../../common/errors.ts';
import type { Core } from '../core.ts';
import { announce } from './announce.ts';
import { runOf } from './state.ts';
import { codeOf } from '../../../common/errors.ts';

const TIMEOUT_MS = 10_000;

/** Containers.resize. */
export async function resize(
  core: Core,
  ctx: Ctx,
  { reference, size }: { readonly reference: string; readonly size: { rows: number; columns: number } },
): Promise<void> {
  const entry = core.table.find(reference);
  try {
    await runOf(entry).shim.resize(ctx.within(TIMEOUT_MS), size);
  } catch (error) {
    // Its end was on the way.
    throw codeOf(error) === 'not-found' ? conflict(`container ${entry.id} is not running`) : error;
  }
  announce(core, entry, {
    action: 'resize',
    attributes: { height: String(size.rows), width: String(size.columns) },
  });
}
