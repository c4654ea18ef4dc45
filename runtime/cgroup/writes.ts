import { invalidArgument } from '../../common/errors.ts';
import type { Resources } from '../spec.ts';
import type { CgroupLayout } from './layout.ts';
import type { CgroupLimits, ControllerWrites, Write } from './contract.ts';
import { isUnified, placeOf } from './layout.ts';
import {
  blockIoV1,
  cpuset,
  cpuV1,
  hugetlb,
  memoryV1,
  networkClass,
  networkPriority,
  pids,
  rdma,
  type Writer,
} from './v1.ts';
import { cpuV2, ioV2, memoryV2, unifiedWrites } from './v2.ts';

interface Controller {
  readonly v1: string;
  readonly v2: string;
  readonly writes: { readonly v1: Writer; readonly v2: Writer };
}

const same = (name: string, writer: Writer): Controller => ({
  v1: name,
  v2: name,
  writes: { v1: writer, v2: writer },
});

/** Version 2 has neither: network traffic is classified by programs there. */
const nothing: Writer = () => [];

const CONTROLLERS: readonly Controller[] = [
  { v1: 'memory', v2: 'memory', writes: { v1: memoryV1, v2: memoryV2 } },
  { v1: 'cpu', v2: 'cpu', writes: { v1: cpuV1, v2: cpuV2 } },
  same('cpuset', cpuset),
  same('pids', pids),
  { v1: 'blkio', v2: 'io', writes: { v1: blockIoV1, v2: ioV2 } },
  { v1: 'hugetlb', v2: 'hugetlb', writes: { v1: hugetlb('limit_in_bytes'), v2: hugetlb('max') } },
  same('rdma', rdma),
  { v1: 'net_cls', v2: '', writes: { v1: networkClass, v2: nothing } },
  { v1: 'net_prio', v2: '', writes: { v1: networkPriority, v2: nothing } },
];

/** Writes below one directory. */
export interface PlacedWrites extends ControllerWrites {
  readonly version: 1 | 2;
  readonly mountPoint: string;
}

/**
 * What limits a container, in order: files and texts of each hierarchy that is concerned. `fresh` is a cgroup that has no limit
 * yet. Throws `invalid-argument` for a limit that this host can't set.
 */
export function placeWrites(limits: Omit<CgroupLimits, 'path'>, fresh: boolean): PlacedWrites[] {
  const { layout, resources } = limits;
  const placed = CONTROLLERS.flatMap((controller) => placeOne(layout, controller, { resources, fresh }));
  const { unified } = resources;
  if (unified === undefined || Object.keys(unified).length === 0) return placed;
  if (!isUnified(layout) || layout.unified === undefined)
    throw invalidArgument('invalid configuration: cannot use unified on cgroup v1');
  const writes = unifiedWrites(unified, layout.unifiedControllers ?? []);
  return [...placed, { controller: 'unified', writes, version: 2, mountPoint: layout.unified }];
}

function placeOne(
  layout: CgroupLayout,
  { v1, v2, writes }: Controller,
  { resources, fresh }: { readonly resources: Resources; readonly fresh: boolean },
): PlacedWrites[] {
  const place = placeOf(layout, { v1, v2 });
  const version = place?.version ?? (isUnified(layout) ? 2 : 1);
  const list = (version === 1 ? writes.v1 : writes.v2)(resources, fresh);
  if (list.length === 0) return [];
  const name = version === 1 ? v1 : v2;
  if (place !== undefined) return [{ ...place, controller: name, writes: list }];
  const demanded = list.find((each) => !isOptional(each));
  if (demanded === undefined) return [];
  throw invalidArgument(`Cannot set ${demanded.file}: the cgroup controller "${name}" is not mounted`);
}

const isOptional = ({ ignoreOpen = [], otherwise }: Write): boolean =>
  ignoreOpen.includes('ENOENT') || (otherwise !== undefined && isOptional(otherwise));
