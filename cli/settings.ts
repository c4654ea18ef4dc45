import type { Client } from './command.ts';

/** Texts that docker's config.json may hold: what is said when a flag is not given. */
type Setting =
  'psFormat' | 'imagesFormat' | 'statsFormat' | 'networksFormat' | 'volumesFormat' | 'detachKeys';

/** Empty when it is not set, or no text. */
export function settingOf({ config }: Client, name: Setting): string {
  const value = config.content[name];
  return typeof value === 'string' ? value : '';
}
