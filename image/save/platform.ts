import { invalidArgument, notFound } from '../../common/errors.ts';
import type { Image } from '../images.ts';
import { goArchitecture } from '../manifest.ts';

const PATTERN = /^[A-Za-z0-9_.-]+(?:\/[A-Za-z0-9_.-]+){0,2}$/;

/**
 * Checks that an image is for `platform` (`os[/architecture[/variant]]`; undefined: any). `reference` is for the message. Throws
 * `not-found` in docker's words, `invalid-argument` for what is no platform.
 */
export function requirePlatform(image: Image, platform: string | undefined, reference: string): void {
  if (platform === undefined || platform === '') return;
  if (!PATTERN.test(platform)) throw invalidArgument(`"${platform}": invalid platform`);
  const [os, architecture, variant] = platform.toLowerCase().split('/');
  const matches =
    os === image.os &&
    (architecture === undefined || goArchitecture(architecture) === goArchitecture(image.architecture)) &&
    (variant === undefined || image.variant === undefined || variant === image.variant);
  if (matches) return;
  const actual = [image.os, image.architecture, image.variant].filter((part) => part !== undefined);
  throw notFound(
    `image with reference ${reference} was found but its platform (${actual.join('/')}) does not match the specified platform (${platform})`,
  );
}
