import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { invalidArgument, messageOf, WherryError } from '../../common/errors.ts';
import type { Edit, Editable } from './editable.ts';
import { runEditor } from './run-editor.ts';

/**
 * What the user makes of a container in `$VISUAL`, `$EDITOR` or vi: YAML, of which JSON is a part. Undefined: nothing was changed. The
 * text stays when it can't be read, and its path is told.
 */
export async function editInEditor(
  before: Editable & { readonly Name: string },
  apply: (edit: Edit) => Promise<void>,
): Promise<boolean> {
  const { Name, ...editable } = before;
  const directory = mkdtempSync(join(tmpdir(), 'wherry-edit-'));
  const path = join(directory, `${Name}.yaml`);
  const text = `${HEADING(Name)}${stringify(editable)}`;
  writeFileSync(path, text, { mode: 0o600 });
  await runEditor(path);
  const after = readFileSync(path, 'utf8');
  if (after === text || after.trim() === '') {
    rmSync(directory, { recursive: true });
    return false;
  }
  try {
    await apply(readDocument(after));
  } catch (error) {
    throw new WherryError('invalid-argument', `${messageOf(error)}\nThe text is kept in ${path}`, {
      cause: error,
    });
  }
  rmSync(directory, { recursive: true });
  return true;
}

const HEADING = (name: string): string =>
  [
    `# The container ${name}. Labels, limits, RestartPolicy, PortBindings and Healthcheck change while it runs;`,
    '# with Env, Binds, Mounts, Tmpfs or Volumes changed it is stopped and started anew: id, name, addresses,',
    '# volumes and its own files stay. Nothing happens if nothing is changed, or the file is emptied.',
    '',
  ].join('\n');

function readDocument(text: string): Edit {
  const document: unknown = parse(text);
  if (typeof document !== 'object' || document === null || Array.isArray(document))
    throw invalidArgument('the text is no map of fields');
  const { HostConfig = {}, ...rest } = document as Partial<Editable>;
  return { ...rest, HostConfig };
}
