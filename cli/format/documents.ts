import { invalidArgument, messageOf } from '../../common/errors.ts';
import { compileTemplate } from './template/template.ts';

/** Fields that hold maps with keys of the user's: a key that is missing there is no mistake in the template. */
const MAPS = new Set(
  (
    'Annotations Attributes Data Details DriverOpts ExposedPorts Labels LogOpts Networks Options PortBindings Ports ' +
    'StorageOpt Sysctls Tmpfs Volumes'
  ).split(' '),
);

/** Fields that the daemon leaves out when they are empty, although every object has them for a template. */
const OPTIONAL = new Set(
  (
    'Annotations Comment CpuCount Descriptor ExposedPorts GraphDriver Health Healthcheck ImageManifestDescriptor Init ' +
    'MacAddress Manifests MaskedPaths Mounts NetworkDisabled OnBuild Parent PidsLimit Platform ReadonlyPaths Shell SizeRootFs ' +
    'SizeRw StopSignal StopTimeout StorageOpt Sysctls Tmpfs Variant Volumes'
  ).split(' '),
);

/** Renders a template over an object of the API. Throws `invalid-argument` with `prefix` for a mistake in it. */
export function documentRenderer(source: string, prefix: string): (value: unknown) => string {
  const guard = <T>(step: () => T): T => {
    try {
      return step();
    } catch (error) {
      throw invalidArgument(`${prefix}${messageOf(error)}`, { cause: error });
    }
  };
  const template = guard(() => compileTemplate(source === 'json' ? '{{json .}}' : source));
  return (value) => guard(() => template({ value, missing: missingField }));
}

function missingField(name: string, owner: string | undefined): unknown {
  if (owner !== undefined && MAPS.has(owner)) return undefined;
  if (OPTIONAL.has(name)) return null;
  throw new Error(`map has no entry for key ${JSON.stringify(name)}`);
}
