import { posix } from 'node:path';
import { isatty } from 'node:tty';
import { invalidArgument } from '../../common/errors.ts';
import { bool } from '../../common/flags/flag.ts';
import { defineCommand } from '../command.ts';
import { packLocal } from '../copy/pack.ts';
import {
  destinationInfo,
  keepEnding,
  localPath,
  parsePlace,
  sourceInfo,
  type CopyPlace,
  type PlaceInfo,
} from '../copy/place.ts';
import { chooseTarget } from '../copy/target.ts';
import { unpackHere } from '../copy/unpack.ts';
import { humanSize } from '../format/units.ts';
import type { Answer, Daemon } from '../http/daemon.ts';
import { readStdin } from '../image/archive-input.ts';
import { printError } from '../output.ts';
import { flushStandard, standardSinks } from '../stream/sinks.ts';
import { containerPath } from './each.ts';

/** Of os.FileMode, which the daemon speaks. */
const GO_DIRECTORY = 0x8000_0000;
const GO_LINK = 0x0800_0000;

interface Copying {
  readonly daemon: Daemon;
  readonly container: string;
  readonly source: string;
  readonly destination: string;
  readonly archive: boolean;
  readonly followLink: boolean;
}

export const cp = defineCommand({
  usage: 'CONTAINER:SRC_PATH DEST_PATH|-\n\twherry cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH',
  flags: {
    archive: bool('Archive mode (copy all uid/gid information)', { short: 'a' }),
    'follow-link': bool('Always follow symbol link in SRC_PATH', { short: 'L' }),
    quiet: bool(
      'Suppress progress output during copy. Progress output is automatically suppressed if no terminal is attached',
      { short: 'q' },
    ),
  },
  arity: [2, 2],
  run: async ({ daemon, flags, changed, args: [from = '', to = ''] }) => {
    if (from === '') throw invalidArgument('source can not be empty');
    if (to === '') throw invalidArgument('destination can not be empty');
    const [source, destination] = [parsePlace(from), parsePlace(to)];
    const copying = {
      daemon,
      container: containerOf(source, destination),
      source: source.path,
      destination: destination.path,
      archive: flags.archive,
      followLink: flags['follow-link'],
    };
    const bytes = source.container === undefined ? await copyIn(copying) : await copyOut(copying);
    const quiet = changed.has('quiet') ? flags.quiet : !isatty(1);
    if (bytes !== undefined && !quiet) {
      const where = destination.container === undefined ? localPath(to) : to;
      printError(`Successfully copied ${humanSize(bytes, 3)} to ${where}\n`);
    }
    return 0;
  },
});

function containerOf(source: CopyPlace, destination: CopyPlace): string {
  if (source.container !== undefined && destination.container !== undefined) {
    throw invalidArgument('copying between containers is not supported');
  }
  const container = source.container ?? destination.container;
  if (container === undefined) throw invalidArgument('must specify at least one container source');
  return container;
}

/** Returns how many bytes the archive had; undefined where it was printed. */
async function copyOut({ daemon, container, archive, ...asked }: Copying): Promise<number | undefined> {
  const path = asked.followLink ? await followed(daemon, container, asked.source) : asked.source;
  const answer = await daemon.send({ method: 'GET', path: archivePath(container), query: { path } });
  if (asked.destination === '-') {
    const { stdout } = standardSinks();
    for await (const bytes of answer.body) await stdout.write(bytes);
    await flushStandard();
    return undefined;
  }
  const { isDirectory } = infoOf(answer, path);
  const rename = path === asked.source ? {} : { rename: posix.basename(asked.source) };
  const source: PlaceInfo = { path, exists: true, isDirectory };
  const destination = await destinationInfo(localPath(asked.destination));
  const meter = metered(answer.body);
  await unpackHere(meter.chunks, chooseTarget({ ...source, ...rename }, destination), { owners: archive });
  return meter.bytes();
}

/** Returns how many bytes the archive had; undefined where it was not ours. */
async function copyIn({ daemon, container, archive, ...asked }: Copying): Promise<number | undefined> {
  const destination = await inContainer(daemon, container, asked.destination);
  const upload = async (path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> => {
    const query = { path, noOverwriteDirNonDir: true, copyUIDGID: archive ? true : undefined };
    const request = { method: 'PUT', path: archivePath(container), query, upload: chunks } as const;
    await (await daemon.send(request)).text();
  };
  if (asked.source === '-') {
    if (destination.exists && !destination.isDirectory) {
      throw invalidArgument(`destination "${container}:${asked.destination}" must be a directory`);
    }
    await upload(destination.path, readStdin());
    return undefined;
  }
  const source = await sourceInfo(localPath(asked.source), asked.followLink);
  const { directory, rename } = chooseTarget(source, destination);
  const meter = metered(packLocal(source, rename));
  await upload(directory, meter.chunks);
  return meter.bytes();
}

/** What can't be looked at is taken for missing: the upload says what is wrong. */
async function inContainer(daemon: Daemon, container: string, path: string): Promise<PlaceInfo> {
  const missing = { path, exists: false, isDirectory: false };
  const found = await statusOf(daemon, container, path).catch(() => undefined);
  if (found === undefined) return missing;
  if (!found.isLink) return { path, exists: true, isDirectory: found.isDirectory };
  const target = posix.resolve(posix.dirname(posix.resolve('/', path)), found.linkTarget);
  const behind = await statusOf(daemon, container, target).catch(() => undefined);
  if (behind === undefined) return { ...missing, path: target };
  return { path: target, exists: true, isDirectory: behind.isDirectory };
}

async function followed(daemon: Daemon, container: string, path: string): Promise<string> {
  const { isLink, linkTarget } = await statusOf(daemon, container, path);
  if (!isLink) return path;
  return keepEnding(posix.resolve(posix.dirname(path), linkTarget), path);
}

async function statusOf(daemon: Daemon, container: string, path: string): Promise<Info> {
  const answer = await daemon.send({ method: 'HEAD', path: archivePath(container), query: { path } });
  return infoOf(answer, path);
}

interface Info {
  readonly isDirectory: boolean;
  readonly isLink: boolean;
  readonly linkTarget: string;
}

function infoOf({ headers }: Answer, path: string): Info {
  const header = headers.get('x-docker-container-path-stat');
  if (header === undefined) throw invalidArgument(`the daemon tells nothing of "${path}"`);
  const { mode, linkTarget } = JSON.parse(Buffer.from(header, 'base64').toString()) as {
    mode: number;
    linkTarget: string;
  };
  return { isDirectory: (mode & GO_DIRECTORY) !== 0, isLink: (mode & GO_LINK) !== 0, linkTarget };
}

const archivePath = (container: string): string => containerPath(container, '/archive');

function metered(source: AsyncIterable<Uint8Array>): {
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly bytes: () => number;
} {
  let bytes = 0;
  const counted = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      bytes += chunk.byteLength;
      yield chunk;
    }
  };
  return { chunks: counted(), bytes: () => bytes };
}
