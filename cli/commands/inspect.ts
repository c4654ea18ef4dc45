import { codeOf, invalidArgument, messageOf } from '../../common/errors.ts';
import { type Call, defineCommand } from '../command.ts';
import { bool, text } from '../../common/flags/flag.ts';
import { documentRenderer } from '../format/documents.ts';
import { indentJson, parseJson } from '../format/json.ts';
import type { Daemon } from '../http/daemon.ts';
import { print, printError } from '../output.ts';

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
  layers: bool('Show the layers of images: digests, directories, sizes', { hidden: true }),
  format: text("Print with 'json' or 'TEMPLATE' (Go's templates)", { short: 'f' }),
  size: bool('Show file sizes of containers', { short: 's' }),
  type: text('Only inspect objects of this type'),
};

type InspectCall = Call<typeof flags>;

const inspecting = (onlyType: string | undefined) =>
  defineCommand({
    usage: '[OPTIONS] NAME|ID [NAME|ID...]',
    flags: flagsOf(onlyType),
    arity: [1],
    run: async (call) => {
      const type = checkType(onlyType ?? call.flags.type, call.changed.has('type'));
      if (!call.flags.layers || type !== 'image') return inspectAll(call, type);
      const { printLayers } = await import('./image-layers.ts');
      await printLayers(call.daemon, call.args, call.flags.format);
      return 0;
    },
  });

const flagsOf = (onlyType: string | undefined): typeof flags =>
  onlyType === undefined
    ? flags
    : {
        ...flags,
        layers: { ...flags.layers, hidden: onlyType !== 'image' },
        type: { ...flags.type, hidden: true },
      };

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
      found.push(render.one(await find(daemon, { reference, type, size: flags.size })));
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

interface Wanted {
  readonly reference: string;
  readonly type: string | undefined;
  readonly size: boolean;
}

async function find(daemon: Daemon, { reference, type, size }: Wanted): Promise<string> {
  for (const [name, endpoint] of Object.entries(ENDPOINTS)) {
    if (type !== undefined && type !== name) continue;
    try {
      const path = endpoint(encodeURIComponent(reference));
      const answer = await daemon.send({
        method: 'GET',
        path,
        query: { size: size && name === 'container' ? 1 : undefined },
      });
      if (size && name !== 'container') printError(`WARNING: --size ignored for ${name}\n`);
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
