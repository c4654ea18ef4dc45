import { bool, list, refused, text } from '../common/flags/flag.ts';
import { DEFAULT_HOST } from './http/address.ts';

/** The flags before the command. */
export const globalFlags = {
  debug: bool('Print the causes of errors too', { short: 'D' }),
  host: list('Socket of the daemon', { short: 'H', shown: `"${DEFAULT_HOST}"` }),
  'log-level': text('Accepted for compatibility', { short: 'l', hidden: true }),
  config: text('Directory of the configuration with credentials', { shown: '"~/.docker"' }),
  context: refused('string', { short: 'c' }),
  tls: refused(''),
  tlscacert: refused('string'),
  tlscert: refused('string'),
  tlskey: refused('string'),
  tlsverify: refused(''),
  version: bool('Print the version and quit', { short: 'v' }),
};
