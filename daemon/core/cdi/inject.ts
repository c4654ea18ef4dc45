import { stat } from 'node:fs/promises';
import { internal, invalidArgument, messageOf, notImplemented } from '../../../common/errors.ts';
import type { Log } from '../../../common/log.ts';
import type { Device, DeviceRule } from '../../../runtime/spec.ts';
import { deviceOf } from '../spec/devices.ts';
import { NO_EDITS, type DeviceEdits, type DeviceRequest } from './contract.ts';
import { readDevices, type Edits, type KnownDevice } from './read-specs.ts';

/**
 * What the requests change. Throws in docker's words: `internal` for a driver or a device that is not there, and for resctrl,
 * `invalid-argument` for a request that names a count or options.
 */
export async function injectDevices(
  { log, directories }: { readonly log: Log; readonly directories: readonly string[] },
  requests: readonly DeviceRequest[],
): Promise<DeviceEdits> {
  if (requests.length === 0) return NO_EDITS;
  for (const request of requests) checkRequest(request);
  const names = requests.flatMap(({ deviceIds }) => deviceIds);
  try {
    const known = await readDevices(log, directories);
    const unknown = names.filter((name) => !known.has(name));
    if (unknown.length > 0) throw internal(`unresolvable CDI devices ${unknown.join(', ')}`);
    const devices = names.flatMap((name) => known.get(name) ?? []);
    const parts = await Promise.all(inOrder(devices).map(apply));
    return {
      env: parts.flatMap(({ env }) => env),
      devices: parts.flatMap((part) => part.devices),
      rules: parts.flatMap(({ rules }) => rules),
      mounts: parts.flatMap(({ mounts }) => mounts),
      additionalGids: parts.flatMap(({ additionalGids }) => additionalGids),
      hooks: parts.flatMap(({ hooks }) => hooks),
    };
  } catch (error) {
    throw internal(`CDI device injection failed: ${messageOf(error)}`, { cause: error });
  }
}

/** What a file has for all of its devices is done once, before the first of them. */
function inOrder(devices: readonly KnownDevice[]): Edits[] {
  const done = new Set<KnownDevice['origin']>();
  return devices.flatMap(({ origin, edits }) => {
    const isFirst = !done.has(origin);
    done.add(origin);
    return isFirst ? [origin.edits, edits] : [edits];
  });
}

function checkRequest({ driver, count, capabilities, options }: DeviceRequest): void {
  if (driver !== 'cdi') {
    const alternatives = capabilities.map((names) => `[${names.join(' ')}]`).join(' ');
    throw internal(
      `could not select device driver ${JSON.stringify(driver)} with capabilities: [${alternatives}]`,
    );
  }
  if (count !== 0) throw invalidArgument('unexpected count in CDI device request');
  if (Object.keys(options).length > 0) throw invalidArgument('unexpected options in CDI device request');
}

async function apply(edits: Edits): Promise<DeviceEdits> {
  if (edits.intelRdt !== undefined) throw notImplemented('intelRdt is not supported');
  const nodes = await Promise.all((edits.deviceNodes ?? []).map(nodeOf));
  return {
    env: edits.env ?? [],
    devices: nodes.map(({ device }) => device),
    rules: nodes.flatMap(({ rule }) => (rule === undefined ? [] : [rule])),
    mounts: (edits.mounts ?? []).map(({ hostPath, containerPath, options = [], type = '' }) => ({
      destination: containerPath,
      source: hostPath,
      ...(type === '' ? {} : { type }),
      options: [
        ...(type === '' && !options.some((word) => /^r?bind$/.test(word)) ? ['rbind'] : []),
        ...options,
      ],
    })),
    additionalGids: (edits.additionalGids ?? []).filter((gid) => gid !== 0),
    hooks: (edits.hooks ?? []).map(({ hookName, ...hook }) => ({ point: hookName, hook })),
  };
}

type Node = NonNullable<Edits['deviceNodes']>[number];

/** Kind and numbers that a description leaves open are the host's; its owner and mode never are. */
async function nodeOf(
  node: Node,
): Promise<{ readonly device: Device; readonly rule: DeviceRule | undefined }> {
  const { path, hostPath = '', uid, gid, fileMode, permissions = '' } = node;
  const { type, major, minor } = await lookUp(node, hostPath === '' ? path : hostPath);
  const device: Device = {
    ...{ type, path },
    ...(major === undefined ? {} : { major }),
    ...(minor === undefined ? {} : { minor }),
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
    ...(fileMode === undefined ? {} : { fileMode: fileMode & 0o7777 }),
  };
  if (type !== 'b' && type !== 'c') return { device, rule: undefined };
  const access = permissions === '' ? 'rwm' : permissions;
  return { device, rule: { allow: true, type, major: major ?? 0, minor: minor ?? 0, access } };
}

async function lookUp({ type = '', major = 0, minor = 0 }: Node, path: string): Promise<Device> {
  if (type === 'p') return { type, path };
  if (type !== '' && (major !== 0 || minor !== 0))
    return { type: type as Device['type'], path, major, minor };
  const status = await stat(path).catch((error: NodeJS.ErrnoException) => {
    const reason = error.code === 'ENOENT' ? 'no such file or directory' : (error.code ?? error.message);
    throw internal(`failed to stat CDI host device "${path}": ${reason}`, { cause: error });
  });
  const device = deviceOf(path, status);
  if (device === undefined) throw internal(`"${path}" is no device`);
  if (type !== '' && device.type !== type)
    throw internal(`CDI device ("${path}", type "${type}"), host type mismatch ("${device.type}")`);
  return device;
}
