import { posix } from 'node:path';
import { invalidArgument } from '../../common/errors.ts';
import { Label, type PlanBuilder } from '../plan/builder.ts';
import { AT_EACCESS, AT_FDCWD } from '../plan/constants.ts';
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
 * is said on its stderr with exit code 255: by then it counts as started. `program` is for one whose first argument is another name.
 */
export function runProgram(
  plan: PlanBuilder,
  process: Process,
  { program, beforeExec }: { readonly program: string | undefined; readonly beforeExec: () => void },
): void {
  const name = program ?? process.args[0];
  if (name === undefined || name === '') throw invalidArgument('no command specified');
  const argv = plan.strings(process.args);
  const envp = plan.strings(process.env ?? []);
  if (name.includes('/')) {
    checkProgram(plan, name, accessOf(process));
    beforeExec();
    execute(plan, { path: name, argv, envp });
  } else {
    searchProgram(plan, { name, path: pathOf(process), argv, envp, access: accessOf(process), beforeExec });
  }
}

interface Program {
  readonly path: string;
  readonly argv: Arg;
  readonly envp: Arg;
}

/** man 2 faccessat. The newer call is refused by older seccomp profiles, which may be loaded by now. */
interface Access {
  readonly call: 'faccessat' | 'faccessat2';
  readonly flags: readonly number[];
  /** A filter's refusal says nothing about the file: execve will. */
  readonly unknown: readonly string[];
}

/** Only for a user with these capabilities it matters that the older call does not count them. */
const OVERRIDING = ['CAP_DAC_OVERRIDE', 'CAP_DAC_READ_SEARCH'];

function accessOf({ user, capabilities = {} }: Process): Access {
  const { effective = [] } = capabilities;
  const overrides = user.uid !== 0 && OVERRIDING.some((name) => effective.includes(name));
  return overrides
    ? { call: 'faccessat2', flags: [AT_EACCESS], unknown: ['EPERM'] }
    : { call: 'faccessat', flags: [], unknown: [] };
}

function checkProgram(plan: PlanBuilder, path: string, { call, flags, unknown }: Access): void {
  const label = `exec: ${JSON.stringify(path)}`;
  const isFile = new Label();
  plan.call(`${label}: stat ${path}`, call, [AT_FDCWD, path, F_OK, ...flags], { ignore: unknown });
  plan.call(label, call, [AT_FDCWD, `${path}/.`, F_OK, ...flags], {
    ignore: ['ENOTDIR', ...unknown],
    onIgnored: isFile,
  });
  plan.fail(`${label}: is a directory`, 'EISDIR');
  plan.here(isFile);
  plan.call(label, call, [AT_FDCWD, path, X_OK, ...flags], { ignore: unknown });
}

function searchProgram(
  plan: PlanBuilder,
  search: Program & { readonly name: string; readonly access: Access; readonly beforeExec: () => void },
): void {
  const { name, path, argv, envp, access, beforeExec } = search;
  const { call, flags } = access;
  for (const directory of path.split(':').filter((each) => each.startsWith('/'))) {
    const candidate = posix.join(directory, name);
    const [next, file] = [new Label(), new Label()];
    plan.call(`look for "${candidate}"`, call, [AT_FDCWD, candidate, X_OK, ...flags], {
      ignore: NOT_HERE,
      onIgnored: next,
    });
    plan.call(`look at "${candidate}"`, call, [AT_FDCWD, `${candidate}/.`, F_OK, ...flags], {
      ignore: ['ENOTDIR'],
      onIgnored: file,
      onOk: next,
    });
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
