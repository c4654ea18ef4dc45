import type { Daemon } from '../http/daemon.ts';

/** What the commands that attach need to know of a container. */
export interface Inspected {
  readonly Id: string;
  readonly Config: { readonly Tty: boolean; readonly OpenStdin: boolean };
  readonly HostConfig: { readonly AutoRemove: boolean };
  readonly State: { readonly Running: boolean; readonly Paused: boolean; readonly Restarting: boolean };
}

export async function inspectContainer(daemon: Daemon, reference: string): Promise<Inspected> {
  const answer = await daemon.send({
    method: 'GET',
    path: `/containers/${encodeURIComponent(reference)}/json`,
  });
  return JSON.parse(await answer.text()) as Inspected;
}
