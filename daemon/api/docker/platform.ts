import { invalidArgument, notFound } from '../../../common/errors.ts';
import type { Image } from '../../../image/images.ts';
import { text, texts, type Query } from './query.ts';

const SHAPE = /^[A-Za-z0-9_.-]+(\/[A-Za-z0-9_.-]+){0,2}$/;
const ARCHITECTURES: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  'x86-64': 'amd64',
  aarch64: 'arm64',
};

/** `platform` as pull and import have it: `os[/architecture[/variant]]`, or an architecture alone. Throws `invalid-argument`. */
export function platformText(query: Query): string | undefined {
  const value = text(query, 'platform');
  if (value === undefined) return undefined;
  if (!SHAPE.test(value)) {
    throw invalidArgument(
      `${JSON.stringify(value)} is an invalid component: platform specifier component must match "^[A-Za-z0-9_.-]+$": invalid argument`,
    );
  }
  const [first = '', ...rest] = value.toLowerCase().split('/');
  const parts = rest.length > 0 || first === 'linux' ? [first, ...rest] : ['linux', first];
  return parts.map((part, index) => (index === 1 ? (ARCHITECTURES[part] ?? part) : part)).join('/');
}

/** `platform` as push, save, load, history and inspect have it: JSON with `os`, `architecture`, `variant`. Throws `invalid-argument`. */
export function platformJson(query: Query): string | undefined {
  const values = texts(query, 'platform');
  if (values.length > 1) throw invalidArgument('multiple platform parameters not supported');
  const [value] = values;
  return value === undefined ? undefined : platformOf(value);
}

/** `platforms` of a removal, each in the same form. Throws `invalid-argument`. */
export const platformsJson = (query: Query): readonly string[] =>
  texts(query, 'platforms').map((value) => platformOf(value));

function platformOf(value: string): string {
  const { os, architecture, variant } = parsePlatform(value);
  if (!os || !architecture) throw invalidArgument('both OS and Architecture must be provided');
  return [os, architecture, ...(variant ? [variant] : [])].join('/');
}

function parsePlatform(value: string): { os?: string; architecture?: string; variant?: string } {
  try {
    return Object(JSON.parse(value)) as { os?: string };
  } catch (error) {
    throw invalidArgument(`failed to parse platform: ${(error as Error).message}`, { cause: error });
  }
}

/** Throws docker's `not-found` when the image is of another platform than was asked for. */
export function checkImagePlatform(image: Image, name: string, platform: string | undefined): Image {
  if (platform === undefined) return image;
  const [os, architecture, variant] = platform.split('/');
  const fits =
    image.os === os &&
    (architecture === undefined || image.architecture === architecture) &&
    (variant === undefined || image.variant === undefined || image.variant === variant);
  if (fits) return image;
  throw notFound(
    `image with reference ${name} was found but does not provide the specified platform (${platform})`,
  );
}
