import { invalidArgument } from '../../common/errors.ts';
import type { Digest } from '../digest.ts';
import { parseConfig, type ParsedConfig } from '../config.ts';
import type { Image } from '../images.ts';
import type { Reference } from '../reference.ts';
import type { ImageId } from '../snapshots.ts';
import { readText, type ArchiveFile } from './members.ts';

/** An image that an archive holds, checked as far as that goes without unpacking. */
export interface PlannedImage {
  readonly id: ImageId;
  /** The configuration as its author wrote it. */
  readonly configText: string;
  readonly config: ParsedConfig;
  readonly configFile: ArchiveFile;
  /** Lowest first, as many as `config.diffIds`. */
  readonly layers: readonly ArchiveFile[];
  readonly names: readonly Reference[];
  readonly manifest:
    { readonly file: ArchiveFile; readonly descriptor: NonNullable<Image['descriptor']> } | undefined;
  /** Indexes and manifests that led to it, which the content store has. */
  readonly documents?: readonly { readonly digest: Digest; readonly mediaType: string }[];
  /** Where it was pulled from: the repository's complete name, and what the name stood for there. */
  readonly source?: { readonly repository: string; readonly digest: Digest };
}

/** Reads the configuration and holds it against the layers. Throws `invalid-argument`. */
export async function planImage(
  parts: Pick<PlannedImage, 'configFile' | 'layers' | 'names' | 'manifest'>,
): Promise<PlannedImage> {
  const configText = await readText(parts.configFile, 'image configuration');
  const config = parseConfig(configText);
  const [expected, actual] = [parts.layers.length, config.diffIds.length];
  if (expected !== actual) {
    throw invalidArgument(`invalid manifest, layers length mismatch: expected ${expected}, got ${actual}`);
  }
  return { ...parts, id: parts.configFile.digest as string as ImageId, configText, config };
}
