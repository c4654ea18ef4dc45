import { bool } from '../../common/flags/flag.ts';
import { print } from '../output.ts';
import { defineCommand } from './command.ts';
import { printTable } from './table.ts';
import {
  Introspection,
  type Plugin,
} from '../../daemon/api/containerd/gen/containerd/services/introspection/v1/introspection_pb.ts';

export const list = defineCommand({
  usage: '[flags] [<filter>, ...]',
  flags: {
    quiet: bool('print only the plugin ids', { short: 'q' }),
    detailed: bool('print detailed information about each plugin', { short: 'd' }),
  },
  run: async ({ containerd, flags, args }) => {
    const { plugins } = await containerd.service(Introspection).plugins({ filters: [...args] });
    if (flags.quiet) print(plugins.map(({ id }) => `${id}\n`).join(''));
    else if (flags.detailed) for (const plugin of plugins) print(details(plugin));
    else printTable(['TYPE\tID\tPLATFORMS\tSTATUS\t', ...plugins.map((plugin) => line(plugin))], WIDE);
    return 0;
  },
});

/** How containerd ends the message of a plugin that does not work on this host. */
const SKIPPED = 'skip plugin';
const WIDE = { minimum: 4, padding: 4 };

const line = (plugin: Plugin): string =>
  `${plugin.type}\t${plugin.id}\t${platformsOf(plugin) || '-'}\t${statusOf(plugin)}\t`;

const platformsOf = ({ platforms }: Plugin): string =>
  platforms
    .map(({ os, architecture, variant }) =>
      [os, architecture, variant].filter((part) => part !== '').join('/'),
    )
    .join(',');

function statusOf({ initErr }: Plugin): string {
  if (initErr === undefined) return 'ok';
  return initErr.message.endsWith(SKIPPED) ? 'skip' : 'error';
}

function details(plugin: Plugin): string {
  const exports = Object.entries(plugin.exports).map(([name, value]) => `  ${name.padEnd(12)} ${value}`);
  const parts = [
    `Type:          ${plugin.type}`,
    `ID:            ${plugin.id}`,
    ...(plugin.requires.length > 0 ? [`Requires:      ${plugin.requires.join(', ')}`] : []),
    ...(plugin.platforms.length > 0 ? [`Platforms:     ${platformsOf(plugin)}`] : []),
    ...(exports.length > 0 ? ['Exports:', ...exports] : []),
    ...(plugin.capabilities.length > 0 ? [`Capabilities:  ${plugin.capabilities.join(', ')}`] : []),
    ...(plugin.initErr === undefined ? [] : [`Error:         ${plugin.initErr.message}`]),
  ];
  return `${parts.join('\n')}\n\n`;
}
