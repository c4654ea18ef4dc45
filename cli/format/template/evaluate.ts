import type { Node, Operand, Pipe } from './nodes.ts';
import type { TemplateFunctions } from './functions.ts';
import { display, isTrue } from './values.ts';

export interface Scope {
  readonly source: string;
  readonly functions: TemplateFunctions;
  /** What a field is that an object does not have; throws if that is an error. */
  readonly missing: (name: string, owner: string | undefined) => unknown;
  readonly dot: unknown;
  /** The name of the field that the dot came from, for `missing`. */
  readonly variables: Map<string, unknown>[];
}

/** The text of the nodes. Throws errors with Go's position: `template: :1:2: executing "" at <.Foo>: ...`. */
export const renderNodes = (nodes: readonly Node[], scope: Scope): string =>
  nodes.map((node) => renderNode(node, scope)).join('');

function renderNode(node: Node, scope: Scope): string {
  switch (node.kind) {
    case 'text':
      return node.text;
    case 'print': {
      const value = evaluatePipe(node.pipe, scope);
      return node.pipe.variables.length > 0 ? '' : display(value);
    }
    case 'if':
    case 'with':
    case 'range':
      return renderBlock(node, { ...scope, variables: [...scope.variables, new Map()] });
  }
}

type Block = Extract<Node, { readonly kind: 'if' | 'with' | 'range' }>;

function renderBlock(block: Block, scope: Scope): string {
  if (block.kind === 'range') return renderRange(block, scope);
  const value = evaluatePipe(block.pipe, scope);
  if (!isTrue(value)) return renderNodes(block.otherwise, scope);
  return renderNodes(block.body, block.kind === 'with' ? { ...scope, dot: value } : scope);
}

function renderRange(block: Block, scope: Scope): string {
  const value = evaluatePipe({ ...block.pipe, variables: [] }, scope);
  const entries = entriesOf(value);
  if (entries.length === 0) return renderNodes(block.otherwise, scope);
  return entries
    .map(([key, item]) => {
      const inner = { ...scope, dot: item, variables: [...scope.variables, new Map<string, unknown>()] };
      const [first, second] = block.pipe.variables;
      if (second !== undefined) bind(inner, second, item);
      if (first !== undefined) bind(inner, first, second === undefined ? item : key);
      return renderNodes(block.body, inner);
    })
    .join('');
}

function entriesOf(value: unknown): (readonly [unknown, unknown])[] {
  if (Array.isArray(value)) return value.map((item, index) => [index, item]);
  if (typeof value === 'number') return Array.from({ length: value }, (_, index) => [index, index]);
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  }
  if (value === null || value === undefined) return [];
  throw new Error(`range can't iterate over ${display(value)}`);
}

const bind = (scope: Scope, name: string, value: unknown): unknown =>
  scope.variables.at(-1)?.set(name, value);

function evaluatePipe(pipe: Pipe, scope: Scope): unknown {
  let value: unknown;
  pipe.commands.forEach((operands, index) => {
    value = evaluateCommand(operands, index === 0 ? [] : [value], scope);
  });
  const [name] = pipe.variables;
  if (name === undefined) return value;
  const holder = pipe.declares ? scope.variables.at(-1) : scope.variables.findLast((map) => map.has(name));
  if (holder === undefined) throw new Error(`undefined variable: ${name}`);
  holder.set(name, value);
  return value;
}

function evaluateCommand(operands: readonly Operand[], piped: readonly unknown[], scope: Scope): unknown {
  const [head, ...rest] = operands;
  if (head === undefined) return undefined;
  if (head.kind === 'function') {
    if (head.name === 'and' || head.name === 'or')
      return shortCircuit(head.name === 'and', rest, piped, scope);
    const values = [...rest.map((operand) => evaluateOperand(operand, scope)), ...piped];
    return located(head, scope, () => scope.functions[head.name]?.(...values));
  }
  const values = [...rest.map((operand) => evaluateOperand(operand, scope)), ...piped];
  return evaluateOperand(head, scope, values);
}

function shortCircuit(
  ...[isAnd, operands, piped, scope]: [boolean, readonly Operand[], readonly unknown[], Scope]
): unknown {
  let value: unknown;
  for (const operand of operands) {
    value = evaluateOperand(operand, scope);
    if (isTrue(value) !== isAnd) return value;
  }
  return piped.length === 0 ? value : piped[0];
}

function evaluateOperand(operand: Operand, scope: Scope, values: readonly unknown[] = []): unknown {
  switch (operand.kind) {
    case 'literal':
      return operand.value;
    case 'function':
      return evaluateCommand([operand], values, scope);
    case 'group':
      return follow(
        operand,
        { start: evaluatePipe(operand.pipe, scope), names: operand.names, values },
        scope,
      );
    case 'variable':
      return follow(operand, { start: variable(operand.name, scope), names: operand.names, values }, scope);
    case 'field':
      return follow(operand, { start: scope.dot, names: operand.names, values }, scope);
  }
}

function variable(name: string, scope: Scope): unknown {
  const holder = scope.variables.findLast((map) => map.has(name));
  if (holder === undefined) throw new Error(`undefined variable: ${name}`);
  return holder.get(name);
}

interface Path {
  readonly start: unknown;
  readonly names: readonly string[];
  /** Arguments of the last name, if that is a method. */
  readonly values: readonly unknown[];
}

function follow(operand: Operand, { start, names, values }: Path, scope: Scope): unknown {
  return located(operand, scope, () => {
    let value = start;
    names.forEach((name, index) => {
      value = fieldOf(value, { name, owner: names[index - 1] }, scope);
      if (typeof value === 'function') value = (value as (...values: unknown[]) => unknown)(...values);
    });
    return value;
  });
}

function fieldOf(
  value: unknown,
  { name, owner }: { name: string; owner: string | undefined },
  scope: Scope,
): unknown {
  if (value === undefined) return undefined;
  if (value === null) throw new Error(`nil pointer evaluating .${name}`);
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new Error(`can't evaluate field ${name} in type ${Array.isArray(value) ? 'list' : typeof value}`);
  }
  const fields = value as Record<string, unknown>;
  if (Object.hasOwn(fields, name)) return fields[name];
  // Go's fields and their JSON names differ in case only: ID and Id, NanoCPUs and NanoCpus.
  const other = Object.keys(fields).find((key) => key.toLowerCase() === name.toLowerCase());
  return other === undefined ? scope.missing(name, owner) : fields[other];
}

class Located extends Error {}

/** Adds where in the template an error happened, once. */
function located<T>(operand: Operand, scope: Scope, evaluate: () => T): T {
  try {
    return evaluate();
  } catch (error) {
    if (error instanceof Located || !(error instanceof Error)) throw error;
    const before = scope.source.slice(0, operand.at);
    const line = before.split('\n').length;
    const column = operand.at - (before.lastIndexOf('\n') + 1);
    throw new Located(
      `template: :${line}:${column}: executing "" at <${sourceOf(operand)}>: ${error.message}`,
      { cause: error },
    );
  }
}

function sourceOf(operand: Operand): string {
  switch (operand.kind) {
    case 'field':
      return operand.names.length === 0 ? '.' : `.${operand.names.join('.')}`;
    case 'variable':
      return [operand.name, ...operand.names].join('.');
    case 'function':
      return operand.name;
    case 'group':
      return ['(...)', ...operand.names].join('.');
    case 'literal':
      return JSON.stringify(operand.value);
  }
}
