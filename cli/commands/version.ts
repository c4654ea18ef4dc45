import { messageOf } from '../../common/errors.ts';
import { defineCommand } from '../command.ts';
import { text } from '../../common/flags/flag.ts';
import { documentRenderer } from '../format/documents.ts';
import { parseJson } from '../format/json.ts';
import type { Daemon } from '../http/daemon.ts';
import { alignColumns } from '../format/table.ts';
import { print, printError } from '../output.ts';
import { VERSION } from '../../common/version.ts';
import { API_VERSION, ARCHITECTURE } from '../version.ts';

interface Component {
  readonly Name: string;
  readonly Version: string;
  readonly Details?: Readonly<Record<string, string>>;
}

interface Server {
  readonly Platform?: { readonly Name: string };
  readonly Components?: readonly Component[];
}

const BAD_TEMPLATE_STATUS = 64;

const clientPart = (context: string) => ({
  Version: VERSION,
  ApiVersion: API_VERSION,
  DefaultAPIVersion: API_VERSION,
  NodeVersion: process.version,
  Os: process.platform,
  Arch: ARCHITECTURE,
  Context: context,
});

export const version = defineCommand({
  usage: '[OPTIONS]',
  flags: { format: text("Print with 'json' or 'TEMPLATE' (Go's templates)", { short: 'f' }) },
  arity: [0, 0],
  run: async ({ daemon, flags, client: { choice } }) => {
    let render: (value: unknown) => string;
    try {
      render = flags.format === '' ? tableOf : documentRenderer(flags.format, 'template parsing error: ');
    } catch (error) {
      printError(`${messageOf(error)}\n`);
      return BAD_TEMPLATE_STATUS;
    }
    const server = await readServer(daemon).catch((error: unknown) => error);
    const failed = server instanceof Error;
    print(`${render({ Client: clientPart(choice.context), Server: failed ? null : server })}\n`);
    if (failed) printError(`${server.message}\n`);
    return failed ? 1 : 0;
  },
});

async function readServer(daemon: Daemon): Promise<Server> {
  const answer = await daemon.send({ method: 'GET', path: '/version' });
  return parseJson(await answer.text()) as Server;
}

/** The client's part is printed also when no daemon answers. */
function tableOf(value: unknown): string {
  const { Client: client, Server } = value as {
    Client: ReturnType<typeof clientPart>;
    Server: Server | null;
  };
  const lines = [
    'Client:',
    ` Version:\t${client.Version}`,
    ` API version:\t${client.ApiVersion}`,
    ` Node version:\t${client.NodeVersion}`,
    ` OS/Arch:\t${client.Os}/${client.Arch}`,
    ` Context:\t${client.Context}`,
    ...(Server === null ? [] : serverLines(Server)),
  ];
  return alignColumns(lines.join('\n'), { minimum: 20, padding: 1 });
}

function serverLines({ Platform, Components }: Server): string[] {
  const platform = Platform?.Name ?? '';
  return [
    '',
    `Server:${platform === '' ? '' : ` ${platform}`}`,
    ...(Components ?? []).flatMap((part) => componentLines(part)),
  ];
}

function componentLines({ Name, Version, Details = {} }: Component): string[] {
  if (Name !== 'Engine') {
    const details = Object.entries(Details).sort(([a], [b]) => (a < b ? -1 : 1));
    return [` ${Name}:`, `  Version:\t${Version}`, ...details.map(([key, value]) => `  ${key}:\t${value}`)];
  }
  const detail = (name: string): string => Details[name] ?? '';
  return [
    ` ${Name}:`,
    `  Version:\t${Version}`,
    `  API version:\t${detail('ApiVersion')} (minimum version ${detail('MinAPIVersion')})`,
    `  Go version:\t${detail('GoVersion')}`,
    `  Git commit:\t${detail('GitCommit')}`,
    `  Built:\t${buildTime(detail('BuildTime'))}`,
    `  OS/Arch:\t${detail('Os')}/${detail('Arch')}`,
    `  Experimental:\t${detail('Experimental')}`,
  ];
}

/** Like C's asctime: `Fri May 30 12:07:14 2025`. */
function buildTime(text: string): string {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) return text;
  const [, day = '', number = '', month = '', year = '', time = ''] =
    /^(\w+), (\d+) (\w+) (\d+) ([\d:]+)/.exec(date.toUTCString()) ?? [];
  return `${day} ${month} ${String(Number(number)).padStart(2)} ${time} ${year}`;
}
