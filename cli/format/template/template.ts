import { renderNodes } from './evaluate.ts';
import { functions, type TemplateFunctions } from './functions.ts';
import { parseTemplate } from './parser.ts';

export interface TemplateInput {
  /** The dot. */
  readonly value: unknown;
  /** Functions that stand in for those of the same name. */
  readonly functions?: TemplateFunctions;
  /** What a field is that an object does not have. Without it, that is an error. */
  readonly missing?: (name: string, owner: string | undefined) => unknown;
}

const KNOWN = new Set([...Object.keys(functions), 'and', 'or']);

/**
 * Compiles a Go template as docker's `--format` takes it: fields, pipelines, variables, `if`, `with`, `range`, trim markers,
 * Go's functions and docker's (`json`, `join`, `split`, `upper`, `lower`, `title`, `pad`, `truncate`). `define`, `template`,
 * `block` and `break` are not known. Throws errors with Go's texts, now for the syntax, later for the values.
 */
export function compileTemplate(source: string): (input: TemplateInput) => string {
  const nodes = parseTemplate(source, (name) => KNOWN.has(name));
  return ({ value, functions: others, missing = refuseMissing }) =>
    renderNodes(nodes, {
      source,
      functions: others === undefined ? functions : { ...functions, ...others },
      missing,
      dot: value,
      variables: [new Map([['$', value]])],
    });
}

function refuseMissing(name: string): never {
  throw new Error(`can't evaluate field ${name}`);
}
