import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { invalidArgument, messageOf } from '../../common/errors.ts';
import type { Settings } from '../container/contract.ts';
import { parseExact } from '../exact-json.ts';
import type { Spec } from '../spec.ts';
import { validateConfig } from '../validate/config.ts';

export interface LoadedBundle {
  readonly bundle: string;
  readonly config: Spec;
}

/** The bundle's configuration, validated whole. Throws `invalid-argument`. */
export function loadBundle(
  settings: Settings,
  { bundle, config }: { readonly bundle: string; readonly config: string },
): LoadedBundle {
  const directory = resolve(bundle === '' ? '.' : bundle);
  const path = config === '' ? join(directory, 'config.json') : resolve(config);
  // What the configuration may ask for goes by who we are, whatever --rootless says of cgroups.
  const rootless = process.geteuid?.() !== 0;
  const { spec, warnings } = validateConfig(parse(readText(path), path), { bundle: directory, rootless });
  warnings.forEach(settings.warn);
  return { bundle: directory, config: spec };
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw invalidArgument(`JSON specification file ${path} not found`, { cause: error });
    throw error;
  }
}

/** The file's text as JSON; `path` is for what is said of its failure. */
export function parse(text: string, path: string): unknown {
  try {
    return parseExact(text);
  } catch (error) {
    throw invalidArgument(`Cannot read "${path}": ${messageOf(error)}`, { cause: error });
  }
}
