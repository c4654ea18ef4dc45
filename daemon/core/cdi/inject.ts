import { stat } from 'node:fs/promises';
import { internal, invalidArgument, messageOf, notImplemented } from '../../../common/errors.ts';
import type { Log } from '../../../common/log.ts';
import type { Device, DeviceRule } from '../../../runtime/spec.ts';
import { deviceOf } from '../spec/devices.ts';
import { NO_EDITS, type DeviceEdits, type DeviceRequest } from './contract.ts';
import { readDevices, type Edits } from './read-specs.ts';

/**
 * What the requests change. Throws in docker's words: `internal` for a driver or a device that is not there, `invalid-argument` for a
 * request that names a count or options, `not-implemented` for hooks and resctrl.
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
    const origins = new Set(devices.map(({ origin }) => origin));
    const parts = await Promise.all(
      [...[...origins].map(({ edits }) => edits), ...devices.map(({ edits }) => edits)].map(apply),
    );
    return {
      env: parts.flatMap(({ env }) => env),
      devices: parts.flatMap((part) => part.devices),
      rules: parts.flatMap(({ rules }) => rules),
      mounts: parts.flatMap(({ mounts }) => mounts),
      additionalGids: parts.flatMap(({ additionalGids }) => additionalGids),
    };
  } catch (error) {
    throw internal(`CDI device injection failed: ${messageOf(error)}`, { cause: error });
  }
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
  if ((edits.hooks ?? []).length > 0)
    throw notImplemented(`the hook "${edits.hooks?.[0]?.path ?? ''}" is not supported`);
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
  };
}

type Node = NonNullable<Edits['deviceNodes']>[number];

/** What a description leaves open is the host's. */
async function nodeOf(
  node: Node,
): Promise<{ readonly device: Device; readonly rule: DeviceRule | undefined }> {
  const { path, hostPath = '', uid, gid, fileMode, permissions = '' } = node;
  const found = await lookUp(node, hostPath === '' ? path : hostPath);
  const device: Device = {
    ...found,
    path,
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
    ...(fileMode === undefined ? {} : { fileMode: fileMode & 0o7777 }),
  };
  const { type, major = 0, minor = 0 } = device;
  if (type !== 'b' && type !== 'c') return { device, rule: undefined };
  const access = permissions === '' ? 'rwm' : permissions;
  return { device, rule: { allow: true, type, major, minor, access } };
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
