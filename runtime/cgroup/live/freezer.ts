import { internal } from '../../../common/errors.ts';
import type { CgroupPlace } from '../contract.ts';
import { hierarchyOf } from '../layout.ts';
import { pause, readCgroupFile, writeCgroupFile } from './files.ts';

/**
 * Stops and continues all processes of a container. Version 1 has a freezer hierarchy that ignores SIGKILL while frozen and may
 * get stuck half-way while processes are made; version 2 has a file in each cgroup, and neither flaw.
 */

const TRIES = 1000;
/** Half-frozen for long: new processes came meanwhile. Thawing lets them settle. */
const TRIES_TO_THAW = 50;
const THAW_MS = 10;
/** Of waiting for `cgroup.events` to say so. */
const FROZEN_TRIES = 1000;
const FROZEN_PAUSE_MS = 10;

const freezerOf = ({ layout, path }: CgroupPlace): { version: 1 | 2; directory: string } | undefined => {
  const freezer = hierarchyOf(layout, 'freezer');
  if (freezer !== undefined) return { version: 1, directory: `${freezer.mountPoint}${path}` };
  return layout.unified === undefined ? undefined : { version: 2, directory: `${layout.unified}${path}` };
};

/** Resolves when no process of the container runs any more. A container that can't be frozen is thawed again, and it throws. */
export async function freeze(place: CgroupPlace): Promise<void> {
  const freezer = freezerOf(place);
  if (freezer === undefined) throw internal('Cannot freeze: this host has no freezer cgroup');
  const { version, directory } = freezer;
  const file = version === 1 ? `${directory}/freezer.state` : `${directory}/cgroup.freeze`;
  try {
    if (version === 1) await freezeV1(file);
    else await freezeV2(directory);
  } catch (error) {
    await writeCgroupFile(file, version === 1 ? 'THAWED' : '0').catch(() => false);
    throw error;
  }
}

async function freezeV1(file: string): Promise<void> {
  for (let attempt = 1; attempt <= TRIES; attempt += 1) {
    if (attempt % TRIES_TO_THAW === 0) {
      await writeCgroupFile(file, 'THAWED');
      await pause(THAW_MS);
    }
    if (!(await writeCgroupFile(file, 'FROZEN'))) throw internal(`Cannot freeze: there is no ${file}`);
    if ((await readCgroupFile(file))?.trim() === 'FROZEN') return;
  }
  throw internal('unable to freeze');
}

async function freezeV2(directory: string): Promise<void> {
  if (!(await writeCgroupFile(`${directory}/cgroup.freeze`, '1')))
    throw internal(`Cannot freeze: there is no ${directory}/cgroup.freeze`);
  for (let attempt = 0; attempt < FROZEN_TRIES; attempt += 1) {
    if (isFrozenEvent(await readCgroupFile(`${directory}/cgroup.events`))) return;
    await pause(FROZEN_PAUSE_MS);
  }
  throw internal('unable to freeze: the processes do not stop');
}

const isFrozenEvent = (events: string | undefined): boolean => /^frozen 1$/m.test(events ?? '');

/** Lets all processes go on. What is not frozen, or not there, is no error. */
export async function thaw(place: CgroupPlace): Promise<void> {
  const freezer = freezerOf(place);
  if (freezer === undefined) return;
  const { version, directory } = freezer;
  if (version === 1) await writeCgroupFile(`${directory}/freezer.state`, 'THAWED');
  else await writeCgroupFile(`${directory}/cgroup.freeze`, '0');
}

/** Whether the container itself was frozen: one whose parent is frozen is not `paused`. False without a cgroup. */
export async function isFrozen(place: CgroupPlace): Promise<boolean> {
  const freezer = freezerOf(place);
  if (freezer === undefined) return false;
  const { version, directory } = freezer;
  if (version === 2) return (await readCgroupFile(`${directory}/cgroup.freeze`))?.trim() === '1';
  const state = (await readCgroupFile(`${directory}/freezer.state`))?.trim();
  if (state === undefined || state === 'THAWED') return false;
  const own = await readCgroupFile(`${directory}/freezer.self_freezing`);
  return own === undefined || own.trim() === '1';
}
