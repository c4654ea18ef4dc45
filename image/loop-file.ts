import { execFile } from 'node:child_process';
import { constants as fs } from 'node:fs';
import { access, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { env } from 'node:process';
import { invalidArgument, internal } from '../common/errors.ts';
import { attachLoop, LOOP_CONTROL } from '../native/sys/loop.ts';
import { mountDetached } from '../native/sys/mounts.ts';
import { LOOP_FILE } from './loops.ts';

/**
 * A directory of a size where the file system knows no projects: what it holds is in a file system of its own, in a sparse file in that
 * directory, `loop`. It is mounted on the directory by whoever looks into it, where nobody else sees it: in a container's mount namespace,
 * in a worker's, or nowhere. So the host has no mount of it, and when the last of them is gone, however it went, nothing is left but the
 * file: not after a crash, and there is nothing to be done after the machine's start. For worker threads.
 */

const PROGRAM = 'mkfs.ext4';
const KIB = 2 ** 10;
const MIB = 2 ** 20;
const BLOCK_BYTES = 4096;
const INODE_BYTES = 256;
/** Of content to one inode: nobody runs out of them first, and those that nobody uses are holes in the file. */
const INODE_RATIO = 4096;
/** A smaller file system has no journal. */
const LEAST_BYTES = 4 * MIB;
/** Said in full, since every distribution has defaults of its own. Kernels of the last ten years know these. */
const FEATURES = [
  ...['has_journal', 'ext_attr', 'dir_index', 'filetype', 'extent', 'flex_bg', 'sparse_super', '64bit'],
  ...['large_file', 'huge_file', 'dir_nlink', 'extra_isize', 'metadata_csum'],
];
const ANSWER_BYTES = 64 * 1024;

/**
 * Moves `below`, the empty directories of a directory that has nothing else, into a file system that holds `sizeBytes` of files. One of
 * that size that is there already stays as it is. Throws `invalid-argument` where the host can't.
 */
export async function makeLoopFile(
  directory: string,
  { sizeBytes, below }: { readonly sizeBytes: number; readonly below: readonly string[] },
): Promise<void> {
  const program = await findProgram();
  if (!(await may(fs.F_OK, LOOP_CONTROL)))
    throw invalidArgument(`the kernel has no loop devices: there is no ${LOOP_CONTROL}`);
  const [file, made, content] = [LOOP_FILE, 'loop.new', 'content'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  const { fileBytes, journalMib } = measuresOf(sizeBytes);
  await mkdir(content, { recursive: true, mode: 0o700 });
  for (const name of below) await moved(join(directory, name), join(content, name));
  if ((await sizeOf(file)) !== fileBytes) {
    await rm(made, { force: true });
    await makeSparse(made, fileBytes);
    await makeFileSystem(program, { file: made, content, journalMib });
    await rename(made, file);
  }
  await rm(content, { recursive: true });
}

/**
 * What has to be there so that `sizeBytes` are left: a 16th of it are inodes, the kernel keeps 2 % for itself, 16 MiB at most
 * (fs/ext4/super.c, ext4_calculate_resv_clusters), and there are the journal, and the maps of each 128 MiB.
 */
export function measuresOf(sizeBytes: number): { readonly fileBytes: number; readonly journalMib: number } {
  const wanted = Math.max(LEAST_BYTES, sizeBytes);
  const journalMib = Math.min(64, Math.max(4, Math.ceil(wanted / MIB / 64)));
  const content = wanted + journalMib * MIB + 256 * KIB;
  const described = INODE_BYTES / INODE_RATIO + 1 / 4096;
  const bytes = Math.min(content / (1 - described - 0.02), (content + 16 * MIB) / (1 - described));
  return { fileBytes: Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES, journalMib };
}

/**
 * The mount, attached nowhere, of a directory's loop file: a descriptor of its root. Whoever mounts one meanwhile has the same file system.
 * What is deleted in it is given back to the host.
 */
export function mountLoopFile(directory: string): number {
  using device = attachLoop(join(directory, LOOP_FILE));
  // Inodes are zero in a sparse file without being written: the kernel would, and make it less so.
  const options = [['source', device.path], ['noinit_itable'], ['discard']] as const;
  return mountDetached('ext4', options);
}

async function findProgram(): Promise<string> {
  const path = env['PATH'] ?? '';
  for (const directory of path.split(delimiter)) {
    const program = join(directory, PROGRAM);
    if (directory !== '' && (await may(fs.X_OK, program))) return program;
  }
  throw invalidArgument(`${PROGRAM}, which makes a file system in a file, is not in PATH, ${path}`);
}

const may = (mode: number, path: string): Promise<boolean> =>
  access(path, mode).then(
    () => true,
    () => false,
  );

async function sizeOf(file: string): Promise<number | undefined> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** What is not there was moved before a crash. */
async function moved(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

async function makeSparse(file: string, bytes: number): Promise<void> {
  await using handle = await open(file, 'wx', 0o600);
  await handle.truncate(bytes);
}

async function makeFileSystem(
  program: string,
  {
    file,
    content,
    journalMib,
  }: { readonly file: string; readonly content: string; readonly journalMib: number },
): Promise<void> {
  const layout = ['-b', String(BLOCK_BYTES), '-I', String(INODE_BYTES), '-i', String(INODE_RATIO), '-m', '0'];
  const features = ['-O', ['none', ...FEATURES].join(','), '-J', `size=${journalMib}`, '-e', 'remount-ro'];
  const sparse = ['-E', 'nodiscard,lazy_itable_init=1,lazy_journal_init=1'];
  const args = ['-q', '-F', ...layout, ...features, ...sparse, '-d', content, file];
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  execFile(program, args, { maxBuffer: ANSWER_BYTES }, (error, _stdout, stderr) => {
    if (error === null) resolve();
    else
      reject(
        internal(`Cannot make a file system: ${PROGRAM}: ${stderr.trim() || error.message}`, {
          cause: error,
        }),
      );
  });
  await promise;
}
