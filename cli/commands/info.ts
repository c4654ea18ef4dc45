import { defineCommand } from '../command.ts';
import { text } from '../../common/flags/flag.ts';
import { documentRenderer } from '../format/documents.ts';
import { parseJson } from '../format/json.ts';
import { binarySize } from '../format/units.ts';
import { print, printError } from '../output.ts';
import { VERSION } from '../../common/version.ts';

/** What `GET /info` answers, as far as it is printed. */
interface Info {
  readonly [field: string]: unknown;
  readonly DriverStatus?: readonly (readonly [string, string])[] | null;
  readonly Plugins?: Readonly<Record<string, readonly string[] | null>> | null;
  readonly Swarm?: { readonly LocalNodeState?: string } | null;
  readonly Runtimes?: Readonly<Record<string, unknown>> | null;
  readonly SecurityOptions?: readonly string[] | null;
  readonly Labels?: readonly string[] | null;
  readonly Warnings?: readonly string[] | null;
  readonly MemTotal?: number;
}

const CLIENT = { Version: VERSION, Debug: false, Plugins: [], Warnings: null };

export const info = defineCommand({
  usage: '[OPTIONS]',
  flags: { format: text("Print with 'json' or 'TEMPLATE' (Go's templates)", { short: 'f' }) },
  arity: [0, 0],
  run: async ({ daemon, flags, client: { choice } }) => {
    const render =
      flags.format === '' ? undefined : documentRenderer(flags.format, 'template parsing error: ');
    if (render === undefined)
      print(
        `Client:\n Version:    ${CLIENT.Version}\n Context:    ${choice.context}\n Debug Mode: false\n\nServer:\n`,
      );
    const answer = await daemon.send({ method: 'GET', path: '/info' });
    const server = parseJson(await answer.text()) as Info;
    if (render !== undefined) {
      print(`${render({ ...server, ClientInfo: { ...CLIENT, Context: choice.context } })}\n`);
      return 0;
    }
    print(`${serverLines(server).join('\n')}\n\n`);
    printError((server.Warnings ?? []).map((warning) => `${warning}\n`).join(''));
    return 0;
  },
});

function serverLines(info: Info): string[] {
  return [
    ` Containers: ${shown(info['Containers'])}`,
    `  Running: ${shown(info['ContainersRunning'])}`,
    `  Paused: ${shown(info['ContainersPaused'])}`,
    `  Stopped: ${shown(info['ContainersStopped'])}`,
    ` Images: ${shown(info['Images'])}`,
    ...filled(' Server Version', info['ServerVersion']),
    ...filled(' Storage Driver', info['Driver']),
    ...(info.DriverStatus ?? []).map(([name, value]) => `  ${name}: ${value}`),
    ...filled(' Logging Driver', info['LoggingDriver']),
    ...filled(' Cgroup Driver', info['CgroupDriver']),
    ...filled(' Cgroup Version', info['CgroupVersion']),
    ' Plugins:',
    ...['Volume', 'Network', 'Log'].map((kind) => `  ${kind}: ${(info.Plugins?.[kind] ?? []).join(' ')}`),
    ` Swarm: ${info.Swarm?.LocalNodeState ?? 'inactive'}`,
    ...runtimeLines(info),
    ...securityLines(info.SecurityOptions ?? []),
    ...hostLines(info),
  ];
}

function runtimeLines(info: Info): string[] {
  const names = Object.keys(info.Runtimes ?? {});
  const commit = (field: string): string => shown((info[field] as { ID?: string } | undefined)?.ID);
  return [
    ...(names.length === 0
      ? []
      : [` Runtimes: ${names.join(' ')}`, ` Default Runtime: ${shown(info['DefaultRuntime'])}`]),
    ` Init Binary: ${shown(info['InitBinary'])}`,
    ` containerd version: ${commit('ContainerdCommit')}`,
    ` runc version: ${commit('RuncCommit')}`,
    ` init version: ${commit('InitCommit')}`,
  ];
}

/** `name=seccomp,profile=builtin`. */
function securityLines(options: readonly string[]): string[] {
  if (options.length === 0) return [];
  const lines = options.flatMap((option) => {
    const fields = new Map(option.split(',').map((field) => field.split('=') as [string, string]));
    const profile = fields.get('profile');
    return [
      `  ${fields.get('name') ?? option}`,
      ...(profile === undefined ? [] : [`   Profile: ${profile}`]),
    ];
  });
  return [' Security Options:', ...lines];
}

function hostLines(info: Info): string[] {
  const labels = info.Labels ?? [];
  return [
    ...filled(' Kernel Version', info['KernelVersion']),
    ...filled(' Operating System', info['OperatingSystem']),
    ...filled(' OSType', info['OSType']),
    ...filled(' Architecture', info['Architecture']),
    ` CPUs: ${shown(info['NCPU'])}`,
    ` Total Memory: ${binarySize(info.MemTotal ?? 0)}`,
    ...filled(' Name', info['Name']),
    ...filled(' ID', info['ID']),
    ` Docker Root Dir: ${shown(info['DockerRootDir'])}`,
    ` Debug Mode: ${shown(info['Debug'])}`,
    ...(labels.length === 0 ? [] : [' Labels:', ...labels.map((label) => `  ${label}`)]),
    ` Experimental: ${shown(info['ExperimentalBuild'])}`,
    ` Live Restore Enabled: ${shown(info['LiveRestoreEnabled'])}`,
  ];
}

const shown = (value: unknown): string =>
  value === undefined || value === null ? '' : `${value as string | number | boolean}`;

const filled = (name: string, value: unknown): string[] =>
  shown(value) === '' ? [] : [`${name}: ${shown(value)}`];
