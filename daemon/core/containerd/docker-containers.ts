import type { Spec } from '../../../runtime/spec.ts';
import type { Entry } from '../containers/table.ts';
import type { Core } from '../core.ts';
import { specOf } from '../execs/plan.ts';
import { parseTime } from '../time.ts';
import type { DockerContainers } from './container-records.ts';
import type { ContainerRecord, Packed } from './contract.ts';

/** What clients unpack a spec by. */
const SPEC_TYPE = 'types.containerd.io/opencontainers/runtime-spec/1/Spec';
/** The name that containerd's clients have for a runtime like ours. */
export const RUNTIME = 'io.containerd.runc.v2';
const SNAPSHOTTER = 'overlayfs';

/** Docker's containers that run: dockerd, too, tells containerd of them for as long as they do. */
export function makeDockerContainers(core: Core): DockerContainers {
  const recordOf = async (entry: Entry): Promise<ContainerRecord | undefined> => {
    const { run, view } = entry;
    if (run === undefined) return undefined;
    return {
      id: view.id,
      labels: {},
      image: '',
      runtime: { name: run.runtime === undefined ? RUNTIME : run.runtime.path, options: undefined },
      spec: packSpec(await specOf(core, entry, run)),
      snapshotter: SNAPSHOTTER,
      snapshotKey: view.id,
      sandbox: '',
      extensions: {},
      createdAt: dateOf(view.createdAt),
      updatedAt: 'startedAt' in view.state ? dateOf(view.state.startedAt) : dateOf(view.createdAt),
    };
  };
  return {
    list: async () => {
      const records = await Promise.all([...core.table.all()].map(recordOf));
      return records.filter((record) => record !== undefined);
    },
    get: async (id) => {
      const entry = core.table.byId(id);
      return entry === undefined ? undefined : recordOf(entry);
    },
  };
}

const packSpec = (spec: Spec): Packed => ({
  typeUrl: SPEC_TYPE,
  value: Buffer.from(JSON.stringify(spec)),
});

const dateOf = (time: string): Date => new Date(Number((parseTime(time) ?? 0n) / 1_000_000n));
