// oxlint-disable-next-line no-restricted-imports -- an editor is the user's own program, on the user's own terminal.
import { spawn } from 'node:child_process';
import { env } from 'node:process';
import { invalidArgument } from '../../common/errors.ts';

/** Through a shell, as everybody runs it: `EDITOR="code --wait"`. */
export async function runEditor(
  path: string,
  editor: string = env['VISUAL'] || env['EDITOR'] || 'vi',
): Promise<void> {
  const child = spawn('/bin/sh', ['-c', `${editor} "$1"`, 'sh', path], { stdio: 'inherit' });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (code !== 0) throw invalidArgument(`the editor "${editor}" ended with ${code}: nothing is changed`);
}
