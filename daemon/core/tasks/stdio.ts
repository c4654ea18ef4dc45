import { constants } from 'node:fs';
import { access, mkdir, open, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AT_FDCWD, mknodAt, S_IFIFO } from '../../../native/sys/files.ts';
import { internal } from '../../../common/errors.ts';
import { malformed } from '../../../image/namespaces/errors.ts';
import type { Logger } from '../../../runtime/foreign/logger.ts';
import type { FileStreams } from '../../../shim/contract.ts';
import { runtimePath } from '../runtimes/choose.ts';
import type { ProcessRef, TaskStdio } from './contract.ts';

/** Of docker's: its clients are attached by sockets. */
export const NO_STDIO: TaskStdio = { stdin: '', stdout: '', stderr: '', terminal: false };

/** Where one stream goes. */
type Target =
  | { readonly kind: 'none' }
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'binary'; readonly path: string; readonly args: readonly string[] };

const NONE: Target = { kind: 'none' };

/** A path, `fifo://`, `file://` or `binary://` with arguments as a query. Throws `invalid-argument`. */
export function parseTarget(text: string): Target {
  if (text === '') return NONE;
  if (text.startsWith('/')) return { kind: 'path', path: text };
  if (!URL.canParse(text)) throw malformed(`cannot use ${JSON.stringify(text)} as a process's stream`);
  const url = new URL(text);
  const path = decodeURIComponent(url.pathname);
  switch (url.protocol) {
    case 'fifo:':
      return { kind: 'path', path };
    case 'file:':
      return { kind: 'file', path };
    case 'binary:':
      return { kind: 'binary', path, args: [...url.searchParams].flatMap(([key, value]) => [key, value]) };
  }
  throw malformed(`unknown STDIO scheme ${url.protocol.slice(0, -1)}`);
}

/** What the shim is given: open until it has its own copies. */
export interface OpenStdio extends AsyncDisposable {
  readonly files: readonly FileStreams[];
  readonly loggers: readonly Logger[];
}

/** Opens a process's streams; `directory` is its shim's. */
export async function openStdio(stdio: TaskStdio, ref: ProcessRef, directory: string): Promise<OpenStdio> {
  await using opened = new AsyncDisposableStack();
  const streams = new Streams(opened);
  const [stdin, stdout, stderr] = [stdio.stdin, stdio.stdout, stdio.terminal ? '' : stdio.stderr].map(
    parseTarget,
  );
  if (stdin?.kind === 'path') await streams.add(stdin.path, 'stdin', constants.O_RDWR);
  const loggers: Logger[] = [];
  if (stdout?.kind === 'binary') {
    await checkProgram(stdout.path);
    const fifos = makeFifos(directory);
    for (const name of ['stdout', 'stderr'] as const) await streams.add(fifos[name], name, constants.O_RDWR);
    const env = [`CONTAINER_ID=${ref.id}`, `CONTAINER_NAMESPACE=${ref.namespace}`, `PATH=${runtimePath()}`];
    loggers.push({ path: stdout.path, args: stdout.args, env, fifos });
  } else {
    await streams.addOutput(stdout, 'stdout');
    await streams.addOutput(stderr, 'stderr');
  }
  const kept = opened.move();
  return { files: streams.files(), loggers, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** Found out before anything waits for it. */
async function checkProgram(path: string): Promise<void> {
  try {
    await access(path, constants.X_OK);
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const why = isMissing ? 'no such file or directory' : 'permission denied';
    throw internal(`fork/exec ${path}: ${why}`, { cause: error });
  }
}

type StreamName = FileStreams['streams'][number];

/** Each file once: two descriptors would write over each other's lines. */
class Streams {
  readonly #opened: AsyncDisposableStack;
  readonly #byPath = new Map<string, { readonly handle: FileHandle; readonly streams: StreamName[] }>();

  constructor(opened: AsyncDisposableStack) {
    this.#opened = opened;
  }

  files(): FileStreams[] {
    return [...this.#byPath.values()].map(({ handle, streams }) => ({ fd: handle.fd, streams }));
  }

  /** What is no FIFO is appended to, which one that is open both ways can be as well. */
  async add(path: string, stream: StreamName, flags: number): Promise<void> {
    const known = this.#byPath.get(path);
    if (known !== undefined) {
      known.streams.push(stream);
      return;
    }
    const handle = await open(path, flags | constants.O_NONBLOCK | constants.O_APPEND, 0o644);
    this.#opened.defer(() => handle.close());
    this.#byPath.set(path, { handle, streams: [stream] });
  }

  async addOutput(target: Target | undefined, stream: StreamName): Promise<void> {
    if (target?.kind === 'path') await this.add(target.path, stream, constants.O_RDWR);
    if (target?.kind !== 'file') return;
    await mkdir(dirname(target.path), { recursive: true, mode: 0o755 });
    await this.add(target.path, stream, constants.O_WRONLY | constants.O_CREAT);
  }
}

function makeFifos(directory: string): Logger['fifos'] {
  const fifos = {
    stdout: join(directory, 'log-stdout'),
    stderr: join(directory, 'log-stderr'),
    ready: join(directory, 'log-ready'),
  };
  for (const path of Object.values(fifos))
    mknodAt(AT_FDCWD, path, { mode: S_IFIFO | 0o600, major: 0, minor: 0 });
  return fifos;
}
