import { Label, type PlanBuilder } from '../plan/builder.ts';
import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_PATH } from '../plan/constants.ts';

/** A path of the host that is bound into the container. */
export interface BindSource {
  readonly path: string;
  /** A directory is made there if nothing is: docker's `-v`. Otherwise its absence is an error: `--mount`. */
  readonly make: boolean;
}

/** Docker's text. */
export const missingBind = (path: string): string =>
  `invalid mount config for type "bind": bind source path does not exist: ${path}`;

const PATH_ONLY = O_PATH | O_CLOEXEC;

/**
 * Steps of the parent, in the host's namespaces and with its privilege: looks whether the sources are there. Here and not in the daemon,
 * because a source may lie on a mount that never answers, which then holds nobody but this process. Fails with docker's texts.
 */
export function prepareBinds(plan: PlanBuilder, sources: readonly BindSource[]): void {
  for (const { path, make } of sources) {
    const [there, missing] = [new Label(), new Label()];
    const found = plan.call(`look at bind source path "${path}"`, 'openat', [AT_FDCWD, path, PATH_ONLY, 0], {
      save: true,
      ignore: ['ENOENT', 'ENOTDIR'],
      onOk: there,
      onIgnored: missing,
    });
    plan.here(missing);
    if (make) {
      const label = `error while creating mount source path '${path}': mkdir ${path}`;
      const root = plan.call(label, 'openat', [AT_FDCWD, '/', PATH_ONLY | O_DIRECTORY, 0], { save: true });
      plan.make(label, { root, path, kind: 'directory', into: found });
      plan.close(root);
    } else {
      plan.fail(missingBind(path), 'ENOENT');
    }
    plan.here(there);
    plan.close(found);
  }
}
