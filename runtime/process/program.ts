import { posix } from 'node:path';
import { invalidArgument } from '../../common/errors.ts';
import { Label, type PlanBuilder } from '../plan/builder.ts';
import {
  AT_EACCESS,
  AT_FDCWD,
  CLOSE_RANGE_CLOEXEC,
  O_CLOEXEC,
  O_DIRECTORY,
  O_PATH,
} from '../plan/constants.ts';
import type { Arg } from '../plan/types.ts';
import type { Process } from '../spec.ts';

const F_OK = 0;
const X_OK = 1;
/** What makes the search go on to the next directory. */
const NOT_HERE = ['ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP', 'ENAMETOOLONG'];
/** The exit code of a program in an unknown format, as runc has it. */
const REFUSED = 255;

/**
 * Looks the program up as the user that will run it, and runs it; `beforeExec` adds what has to be the very last. That it can't
 * be found or run fails the plan in Go's words, which clients turn into exit codes. That it is in no format that the kernel knows
 * is said on its stderr with exit code 255: by then it counts as started.
 */
export function runProgram(
  plan: PlanBuilder,
  process: Process,
  { keptFds, beforeExec }: { readonly keptFds: number; readonly beforeExec: () => void },
): void {
  const [name] = process.args;
  if (name === undefined || name === '') throw invalidArgument('no command specified');
  const argv = plan.strings(process.args);
  const envp = plan.strings(process.env ?? []);
  plan.call('close on exec', 'close_range', [3 + keptFds, 0xffff_ffff, CLOSE_RANGE_CLOEXEC]);
  if (name.includes('/')) {
    checkProgram(plan, name);
    beforeExec();
    execute(plan, { path: name, argv, envp });
  } else {
    searchProgram(plan, { name, path: pathOf(process), argv, envp, beforeExec });
  }
}

interface Program {
  readonly path: string;
  readonly argv: Arg;
  readonly envp: Arg;
}

function checkProgram(plan: PlanBuilder, path: string): void {
  const label = `exec: ${JSON.stringify(path)}`;
  const isFile = new Label();
  plan.call(`${label}: stat ${path}`, 'faccessat2', [AT_FDCWD, path, F_OK, AT_EACCESS]);
  plan.call(label, 'openat', [AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0], {
    ignore: ['ENOTDIR'],
    onIgnored: isFile,
  });
  plan.fail(`${label}: is a directory`, 'EISDIR');
  plan.here(isFile);
  plan.call(label, 'faccessat2', [AT_FDCWD, path, X_OK, AT_EACCESS]);
}

function searchProgram(
  plan: PlanBuilder,
  search: Program & { readonly name: string; readonly beforeExec: () => void },
): void {
  const { name, path, argv, envp, beforeExec } = search;
  for (const directory of path.split(':').filter((each) => each.startsWith('/'))) {
    const candidate = posix.join(directory, name);
    const [next, file] = [new Label(), new Label()];
    plan.call(`look for "${candidate}"`, 'faccessat2', [AT_FDCWD, candidate, X_OK, AT_EACCESS], {
      ignore: NOT_HERE,
      onIgnored: next,
    });
    plan.call(
      `look at "${candidate}"`,
      'openat',
      [AT_FDCWD, candidate, O_PATH | O_DIRECTORY | O_CLOEXEC, 0],
      {
        ignore: ['ENOTDIR'],
        onIgnored: file,
        onOk: next,
      },
    );
    plan.here(file);
    beforeExec();
    execute(plan, { path: candidate, argv, envp });
    plan.here(next);
  }
  plan.fail(`exec: ${JSON.stringify(name)}: executable file not found in $PATH`, 'ENOENT');
}

function execute(plan: PlanBuilder, { path, argv, envp }: Program): void {
  const label = `exec ${path}`;
  plan.call(label, 'execve', [path, argv, envp], { ignore: ['ENOEXEC'] });
  const text = `exec ${path}: exec format error\n`;
  plan.call(label, 'write', [2, text, Buffer.byteLength(text)], { ignore: ['EPIPE', 'EAGAIN'] });
  plan.call(label, 'exit_group', [REFUSED]);
}

/** The last one counts, as in runc. */
function pathOf(process: Process): string {
  const entry = (process.env ?? []).findLast((each) => each.startsWith('PATH='));
  return entry?.slice('PATH='.length) ?? '';
}
