import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import Type, { type Static, type TProperties } from 'typebox';
import { Compile } from 'typebox/compile';
import type { Log } from '../../../common/log.ts';
import type { HookPoint } from '../../../runtime/spec.ts';

const optional = Type.Optional;
const strings = Type.Array(Type.String());
const whole = Type.Integer({ minimum: 0 });
/** As the library that docker reads them with: whoever writes a word that is not known wants something that is not done. */
const strict = <T extends TProperties>(properties: T) =>
  Type.Object(properties, { additionalProperties: false });

const HOOK_POINTS = [
  ...['prestart', 'createRuntime', 'createContainer'],
  ...['startContainer', 'poststart', 'poststop'],
] as HookPoint[];

const Edits = strict({
  env: optional(Type.Array(Type.String({ pattern: '^[^=]+=' }))),
  deviceNodes: optional(
    Type.Array(
      strict({
        path: Type.String({ pattern: '^/' }),
        hostPath: optional(Type.String()),
        type: optional(Type.String({ pattern: '^[bcup]?$' })),
        major: optional(whole),
        minor: optional(whole),
        fileMode: optional(whole),
        permissions: optional(Type.String({ pattern: '^[rwm]{0,3}$' })),
        uid: optional(whole),
        gid: optional(whole),
      }),
    ),
  ),
  hooks: optional(
    Type.Array(
      strict({
        hookName: Type.Union(HOOK_POINTS.map((point) => Type.Literal(point))),
        path: Type.String({ pattern: '^/' }),
        args: optional(strings),
        env: optional(Type.Array(Type.String({ pattern: '^[^=]+=' }))),
        timeout: optional(whole),
      }),
    ),
  ),
  mounts: optional(
    Type.Array(
      strict({
        hostPath: Type.String(),
        containerPath: Type.String({ pattern: '^/' }),
        options: optional(strings),
        type: optional(Type.String()),
      }),
    ),
  ),
  intelRdt: optional(Type.Object({})),
  additionalGids: optional(Type.Array(whole)),
});
export type Edits = Static<typeof Edits>;

const annotations = optional(Type.Record(Type.String(), Type.String()));

const SpecFile = strict({
  cdiVersion: Type.String({ pattern: '^v?(0\\.[3-9]|1\\.[0-9]+)\\.[0-9]+$' }),
  kind: Type.String({ pattern: '^[A-Za-z][A-Za-z0-9_.-]*/[A-Za-z][A-Za-z0-9_-]*$' }),
  annotations,
  devices: Type.Array(
    strict({
      name: Type.String({ pattern: '^[A-Za-z0-9]([A-Za-z0-9_.:-]*[A-Za-z0-9])?$' }),
      annotations,
      containerEdits: Edits,
    }),
  ),
  containerEdits: optional(Edits),
});
const compiled = Compile(SpecFile);

export interface KnownDevice {
  /** `vendor.com/class=name`. */
  readonly name: string;
  /** The file: what it has for all of its devices is done once. */
  readonly origin: { readonly path: string; readonly edits: Edits };
  readonly edits: Edits;
}

/**
 * All devices that the directories describe, by name. A later directory wins; a name that two files of one directory have is none.
 * Read at each start: specifications come and go with devices. What can't be read is logged and left out.
 */
export async function readDevices(
  log: Log,
  directories: readonly string[],
): Promise<ReadonlyMap<string, KnownDevice>> {
  const found = new Map<string, KnownDevice>();
  for (const directory of directories) {
    const files = await Promise.all((await filesOf(directory)).map((file) => readSpec(log, file)));
    const names = Map.groupBy(files.flat(), ({ name }) => name);
    for (const [name, [device, ...others]] of names) {
      if (device !== undefined && others.length === 0) found.set(name, device);
      else found.delete(name);
      if (others.length > 0) log.warn('A device is described twice', { device: name, directory });
    }
  }
  return found;
}

async function filesOf(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch(() => []);
  return names.filter((name) => /\.(json|ya?ml)$/.test(name)).map((name) => join(directory, name));
}

async function readSpec(log: Log, path: string): Promise<KnownDevice[]> {
  try {
    const value = await parse(path, await readFile(path, 'utf8'));
    if (!compiled.Check(value)) {
      const [first] = compiled.Errors(value);
      throw new Error(
        `${first?.instancePath.slice(1).replaceAll('/', '.') ?? ''} ${first?.message ?? ''}`.trim(),
      );
    }
    const origin = { path, edits: value.containerEdits ?? {} };
    return value.devices.map(({ name, containerEdits }) => ({
      name: `${value.kind}=${name}`,
      origin,
      edits: containerEdits,
    }));
  } catch (error) {
    log.warn('Cannot read a description of devices', { path, error });
    return [];
  }
}

/** Most hosts have none in YAML: it is loaded when it is needed. */
async function parse(path: string, text: string): Promise<unknown> {
  if (path.endsWith('.json')) return JSON.parse(text);
  const { parse: parseYaml } = await import('yaml');
  return parseYaml(text) as unknown;
}
