import type { Ctx } from '../../../common/ctx.ts';
import { conflict, invalidArgument } from '../../../common/errors.ts';
import { failpoint } from '../../../common/failpoints.ts';
import type { Core } from '../core.ts';
import { announce } from './announce.ts';
import { lockContainer } from './lock.ts';
import { checkName, nameConflict } from './names.ts';

/** Containers.rename. */
export async function rename(
  core: Core,
  ctx: Ctx,
  { reference, name: wanted }: { readonly reference: string; readonly name: string },
): Promise<void> {
  if (wanted.replace(/^\//, '') === '') throw invalidArgument('Neither old nor new names may be empty');
  const entry = core.table.find(reference);
  using _lock = await lockContainer(core, ctx, entry.id);
  ctx.check();
  // It may have been removed while we waited for the lock.
  if (core.table.find(entry.id).view.state.kind === 'removing') {
    throw conflict(`removal of container ${reference} is already in progress`);
  }
  const old = entry.view.name;
  const name = checkName(wanted);
  if (name === old) {
    throw invalidArgument('Renaming a container with the same name as its current name');
  }
  await failpoint('container.rename');
  const owner = core.table.nameOwner(name);
  if (owner !== undefined) {
    throw conflict(`Error when allocating new name: ${nameConflict(name, owner).message}`);
  }
  core.table.rename(entry, name);
  core.networks.renamed(entry.id, old, name);
  core.table.publish(entry, { sandbox: core.networks.sandboxOf(entry.id) });
  announce(core, entry, { action: 'rename', attributes: { oldName: `/${old}` } });
}
