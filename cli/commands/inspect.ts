import { codeOf, invalidArgument, messageOf } from '../../common/errors.ts';
import { type Call, defineCommand } from '../command.ts';
import { bool, text, type Values } from '../../common/flags/flag.ts';
import { documentRenderer } from '../format/documents.ts';
import { indentJson, parseJson } from '../format/json.ts';
import type { Daemon } from '../http/daemon.ts';
import { print, printError } from '../output.ts';
import { platformJson } from '../registry/platform.ts';

/** Where each type of object is found, in the order of the search when no type is given. */
const ENDPOINTS: Readonly<Record<string, (reference: string) => string>> = {
  container: (reference) => `/containers/${reference}/json`,
  image: (reference) => `/images/${reference}/json`,
  network: (reference) => `/networks/${reference}`,
  volume: (reference) => `/volumes/${reference}`,
};

/** Docker's exit code for a template that can't be parsed. */
const BAD_TEMPLATE_STATUS = 64;

const flags = {
  layers: bool('Show the layers of images: digests, directories, sizes'),
  format: text("Print with 'json' or 'TEMPLATE' (Go's templates)", { short: 'f' }),
  platform: text('Inspect the image for a platform (os/arch/variant)'),
  verbose: bool('Show more of networks', { short: 'v' }),
  size: bool('Show file sizes of containers', { short: 's' }),
  type: text('Only inspect objects of this type'),
};

type InspectCall = Call<typeof flags>;

const inspecting = (onlyType: string | undefined) =>
  defineCommand({
    usage: usageOf(onlyType),
    flags: flagsOf(onlyType),
    arity: [1],
    run: async (given) => {
      const call = { ...given, flags: { ...initial, ...given.flags } };
      const type = checkType(onlyType ?? call.flags.type, call.changed.has('type'));
      if (!call.flags.layers || type !== 'image') return inspectAll(call, type);
      const { printLayers } = await import('./image-layers.ts');
      await printLayers(call.daemon, call.args, call.flags.format);
      return 0;
    },
  });

function usageOf(onlyType: string | undefined): string {
  const name = onlyType?.toUpperCase() ?? 'NAME|ID';
  return `[OPTIONS] ${name} [${name}...]`;
}

/** What each takes; a flag that is not there has its initial value, as if it had not been given. */
const NAMES: Readonly<Record<string, readonly (keyof typeof flags)[]>> = {
  any: ['format', 'size', 'type'],
  container: ['format', 'size'],
  image: ['format', 'layers', 'platform'],
  network: ['format', 'verbose'],
  volume: ['format'],
};

const flagsOf = (onlyType: string | undefined): typeof flags =>
  Object.fromEntries(
    (NAMES[onlyType ?? 'any'] ?? []).map((name) => [name, flags[name]]),
  ) as unknown as typeof flags;

const initial = Object.fromEntries(
  Object.entries(flags).map(([name, flag]) => [name, flag.initial]),
) as Values<typeof flags>;

export const inspect = inspecting(undefined);
export const containerInspect = inspecting('container');
export const imageInspect = inspecting('image');
export const networkInspect = inspecting('network');
export const volumeInspect = inspecting('volume');

function checkType(type: string, given: boolean): string | undefined {
  const types = `must be one of "${Object.keys(ENDPOINTS).join('", "')}"`;
  if (type !== '') {
    if (Object.hasOwn(ENDPOINTS, type)) return type;
    throw invalidArgument(`unknown type: ${JSON.stringify(type)}: ${types}`);
  }
  if (given) throw invalidArgument(`type is empty: ${types}`);
  return undefined;
}

/** Prints what was found also when something was not. */
async function inspectAll({ daemon, flags, args }: InspectCall, type: string | undefined): Promise<number> {
  let render: Renderer;
  try {
    render = rendererOf(flags.format);
  } catch (error) {
    printError(`${messageOf(error)}\n`);
    return BAD_TEMPLATE_STATUS;
  }
  const found: string[] = [];
  const failures: string[] = [];
  for (const reference of args) {
    try {
      found.push(render.one(await find(daemon, { reference, type, query: queryOf(flags) })));
    } catch (error) {
      failures.push(messageOf(error));
    }
  }
  print(render.all(found));
  printError(failures.map((failure) => `${failure}\n`).join(''));
  return failures.length === 0 ? 0 : 1;
}

interface Renderer {
  one(json: string): string;
  all(objects: readonly string[]): string;
}

function rendererOf(format: string): Renderer {
  if (format === '' || format === 'json') {
    const compact = (json: string): string => JSON.stringify(JSON.parse(json));
    return {
      one: (json) => (format === 'json' ? compact(json) : json.trim()),
      all: (objects) =>
        `${format === 'json' ? `[${objects.join(',')}]` : indentJson(`[${objects.join(',')}]`)}\n`,
    };
  }
  const render = documentRenderer(format, 'template parsing error: ');
  return {
    one: (json) => `${render(parseJson(json))}\n`,
    all: (objects) => (objects.length === 0 ? '\n' : objects.join('')),
  };
}

/** What is asked for beyond the object, by its type. */
type Query = Readonly<
  Record<string, { readonly size?: 1; readonly platform?: string; readonly verbose?: true }>
>;

function queryOf({ size, platform, verbose }: Values<typeof flags>): Query {
  const json = platformJson(platform);
  return {
    container: size ? { size: 1 } : {},
    image: json === undefined ? {} : { platform: json },
    network: verbose ? { verbose: true } : {},
  };
}

interface Wanted {
  readonly reference: string;
  readonly type: string | undefined;
  readonly query: Query;
}

async function find(daemon: Daemon, { reference, type, query }: Wanted): Promise<string> {
  for (const [name, endpoint] of Object.entries(ENDPOINTS)) {
    if (type !== undefined && type !== name) continue;
    try {
      const path = endpoint(encodeURIComponent(reference));
      const answer = await daemon.send({
        method: 'GET',
        path,
        query: query[name] ?? {},
      });
      if (query['container']?.size === 1 && name !== 'container')
        printError(`WARNING: --size ignored for ${name}\n`);
      return await answer.text();
    } catch (error) {
      if (type !== undefined || !isNotThere(error)) throw error;
    }
  }
  throw invalidArgument(`Error: No such object: ${reference}`);
}

/** The name may be one of another type. */
const isNotThere = (error: unknown): boolean =>
  codeOf(error) === 'not-found' ||
  codeOf(error) === 'not-implemented' ||
  /not supported|invalid reference format/.test(messageOf(error));
