import { invalidArgument } from '../../common/errors.ts';
import { Label, type PlanBuilder } from '../plan/builder.ts';
import { AT_FDCWD, O_CLOEXEC, O_WRONLY } from '../plan/constants.ts';
import { writeFile } from '../plan/paths.ts';
import type { DeviceRule } from '../spec.ts';
import type { CgroupLimits, CgroupPlace, Write } from './contract.ts';
import { enableControllers } from './create.ts';
import { attachDeviceProgram } from './device-program.ts';
import { accessLetters, deviceRule } from './devices.ts';
import { hierarchyOf, isUnified } from './layout.ts';
import { placeWrites } from './writes.ts';

/**
 * Writes the limits into the container's directories: of a cgroup that was just made, or with `fresh: false` of one that may
 * have limits. Throws `invalid-argument` for a limit whose controller this host lacks.
 */
export function limitCgroups(
  plan: PlanBuilder,
  { layout, path, resources, fresh = true }: CgroupLimits & { readonly fresh?: boolean },
): void {
  const placed = placeWrites({ layout, resources }, fresh);
  if (fresh && !isUnified(layout)) {
    // The unified side of a hybrid host is used by few: its controllers are switched on when one is.
    const controllers = placed.filter(({ version }) => version === 2).map(({ controller }) => controller);
    enableControllers(plan, { layout, path }, controllers);
  }
  for (const { mountPoint, writes } of placed)
    for (const write of writes) planWrite(plan, `${mountPoint}${path}`, write);
  limitDevices(plan, { layout, path }, { rules: resources.devices ?? [], fresh });
}

function planWrite(plan: PlanBuilder, directory: string, write: Write): void {
  const { file, text, ignoreOpen = [], ignoreWrite = [], otherwise } = write;
  const label = `write "${text}" to ${file}`;
  if (otherwise === undefined) {
    writeFile(plan, `${directory}/${file}`, { text, label, ignoreOpen, ignoreWrite });
    return;
  }
  const [missing, done] = [new Label(), new Label()];
  const fd = plan.call(label, 'openat', [AT_FDCWD, `${directory}/${file}`, O_WRONLY | O_CLOEXEC, 0], {
    save: true,
    ignore: ['ENOENT'],
    onIgnored: missing,
  });
  plan.call(label, 'write', [fd, text, Buffer.byteLength(text)], { ignore: ignoreWrite });
  plan.call('close a descriptor', 'close', [fd], { onOk: done });
  plan.here(missing);
  planWrite(plan, directory, otherwise);
  plan.here(done);
  plan.free(fd);
}

function limitDevices(
  plan: PlanBuilder,
  { layout, path }: CgroupPlace,
  { rules, fresh }: { readonly rules: readonly DeviceRule[]; readonly fresh: boolean },
): void {
  if (rules.length === 0) return;
  const devices = hierarchyOf(layout, 'devices');
  if (devices !== undefined) writeDevices(plan, `${devices.mountPoint}${path}`, rules);
  else if (layout.unified !== undefined && isUnified(layout))
    attachDeviceProgram(plan, `${layout.unified}${path}`, { rules, replace: !fresh });
  else throw invalidArgument('Cannot limit devices: the cgroup controller "devices" is not mounted');
}

/** Rules in the order of the specification: each is one write to devices.allow or devices.deny, held open for all. */
function writeDevices(plan: PlanBuilder, directory: string, rules: readonly DeviceRule[]): void {
  const open = (file: string): ReturnType<PlanBuilder['call']> =>
    plan.call(`open ${file}`, 'openat', [AT_FDCWD, `${directory}/${file}`, O_WRONLY | O_CLOEXEC, 0], {
      save: true,
    });
  const files = { allow: open('devices.allow'), deny: open('devices.deny') };
  for (const rule of rules) {
    if (accessLetters(rule) === '') continue;
    const text = deviceRule(rule);
    const verb = rule.allow ? 'allow' : 'deny';
    plan.call(`${verb} device ${text}`, 'write', [files[verb], text, text.length]);
  }
  plan.close(files.allow);
  plan.close(files.deny);
}
