import { invalidArgument } from '../../common/errors.ts';

/** `os[/arch[/variant]]` as the JSON that push, save and load want; undefined for an empty text. */
export function platformJson(text: string): string | undefined {
  if (text === '') return undefined;
  const [os = '', architecture, variant, ...more] = text.split('/');
  if (os === '' || architecture === '' || more.length > 0)
    throw invalidArgument(`invalid platform: ${JSON.stringify(text)}`);
  const given = architecture === undefined ? { os: 'linux', architecture: os } : { os, architecture };
  return JSON.stringify({ ...given, ...(variant === undefined ? {} : { variant }) });
}
