import { invalidArgument } from '../../../../common/errors.ts';
import type { Exec, ExecCreateRequest } from '../../../core/contract.ts';
import { parseDetachKeys } from '../../../core/detach-keys.ts';
import { differs, type ApiVersion } from '../versions.ts';
import type { ExecBody } from '../wire/exec.ts';

/** Throws `invalid-argument` without a command. */
export function toExecRequest(container: string, body: ExecBody, version: ApiVersion): ExecCreateRequest {
  const cmd = body.Cmd ?? [];
  if (cmd.length === 0) throw invalidArgument('No exec command specified');
  return {
    container,
    cmd,
    env: body.Env ?? [],
    user: body.User ?? '',
    workingDir: body.WorkingDir ?? '',
    tty: body.Tty ?? false,
    privileged: body.Privileged ?? false,
    attachStdin: body.AttachStdin ?? false,
    attachStdout: body.AttachStdout ?? false,
    attachStderr: body.AttachStderr ?? false,
    detachKeys: body.DetachKeys || undefined,
    consoleSize: toConsoleSize(body.ConsoleSize, version),
  };
}

export function toConsoleSize(
  size: readonly number[] | undefined,
  version: ApiVersion,
): { rows: number; columns: number } | undefined {
  const [rows = 0, columns = 0] = size ?? [];
  return differs.takesConsoleSize(version) && rows > 0 && columns > 0 ? { rows, columns } : undefined;
}

/** Answer of `GET /exec/{id}/json`. `user` is the container's when the exec named none. */
export function inspectExec({ id, containerId, request, state }: Exec, user: string): object {
  const [entrypoint = '', ...args] = request.cmd;
  return {
    ID: id,
    Running: state.kind === 'running' || state.kind === 'starting',
    ExitCode: state.kind === 'exited' ? state.exitCode : null,
    ProcessConfig: {
      tty: request.tty,
      entrypoint,
      arguments: args,
      privileged: request.privileged,
      ...(user === '' ? {} : { user }),
    },
    OpenStdin: request.attachStdin,
    OpenStderr: request.attachStderr,
    OpenStdout: request.attachStdout,
    CanRemove: state.kind === 'exited',
    ContainerID: containerId,
    DetachKeys: Buffer.from(parseDetachKeys(request.detachKeys ?? '')).toString('base64'),
    Pid: 'pid' in state ? state.pid : 0,
  };
}
