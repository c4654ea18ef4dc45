import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from '../../../common/flags/flag.ts';
import { runEditor } from '../../edit/run-editor.ts';
import { print } from '../../output.ts';
import { defineCommand } from '../command.ts';
import { blobBytes, checkDigest } from './read.ts';
import { writeBlob } from './write.ts';

export const edit = defineCommand({
  usage: '[flags] <digest>',
  flags: {
    editor: text('select editor (vim, emacs, etc.); by default $VISUAL, $EDITOR or vi'),
    validate: text('validate the result against a format (json, mediatype, etc.)'),
  },
  run: async ({ containerd, flags, args: [digest = ''] }) => {
    if (flags.validate !== '') throw new Error('validating the edit result not supported');
    checkDigest(digest);
    const bytes = await blobBytes(containerd, digest);
    const directory = mkdtempSync(join(tmpdir(), 'wctr-edit-'));
    try {
      const path = join(directory, 'blob');
      writeFileSync(path, bytes, { mode: 0o600 });
      await runEditor(path, flags.editor || undefined);
      const edited = readFileSync(path);
      const ref = `edit-${process.pid}-${digest}`;
      const made = await writeBlob(containerd, [edited], { ref, size: edited.length, expected: '' });
      print(`${made}\n`);
    } finally {
      rmSync(directory, { recursive: true });
    }
    return 0;
  },
});
