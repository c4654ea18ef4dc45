import type { ContainerRecord, Settings, Status } from './contract.ts';
import { statusOf } from './status.ts';

/** runtime-spec: the version that our states and configurations are of. */
export const OCI_VERSION = '1.3.0';

/** What `state` prints and hooks read (runtime-spec runtime.md, "State"), in runc's order. */
export interface State {
  readonly ociVersion: string;
  readonly id: string;
  readonly pid: number;
  readonly status: Status;
  readonly bundle: string;
  readonly rootfs: string;
  readonly created: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly owner: string;
}

export function stateOf(
  settings: Pick<Settings, 'root'>,
  record: ContainerRecord,
  status: Status = statusOf(settings, record),
): State {
  const { id, init, bundle, rootfs, created, owner, spec } = record;
  return {
    ociVersion: OCI_VERSION,
    id,
    pid: status === 'stopped' ? 0 : (init?.pid ?? 0),
    status,
    bundle,
    rootfs,
    created,
    ...(spec.annotations === undefined ? {} : { annotations: spec.annotations }),
    owner,
  };
}

/** The same for a hook, which knows nothing of our own fields (runc's too). */
export function hookState(record: ContainerRecord, status: Status): string {
  const { id, init, bundle, spec } = record;
  return JSON.stringify({
    ociVersion: OCI_VERSION,
    id,
    status,
    ...(status === 'stopped' ? {} : { pid: init?.pid ?? 0 }),
    bundle,
    ...(spec.annotations === undefined ? {} : { annotations: spec.annotations }),
  });
}
