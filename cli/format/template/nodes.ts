/** What a template consists of, as far as docker's formats use Go's text/template. */
export type Node =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'print'; readonly pipe: Pipe }
  | {
      readonly kind: 'if' | 'with' | 'range';
      readonly pipe: Pipe;
      readonly body: readonly Node[];
      readonly otherwise: readonly Node[];
    };

/** Commands joined by `|`, with the variables that take the result. */
export interface Pipe {
  readonly variables: readonly string[];
  /** `=` sets a variable of an outer scope, `:=` makes one. */
  readonly declares: boolean;
  readonly commands: readonly (readonly Operand[])[];
}

export type Operand = {
  /** Offset in the source. */
  readonly at: number;
} & (
  | { readonly kind: 'literal'; readonly value: string | number | boolean | null }
  /** `.A.B`; no names is the dot itself. */
  | { readonly kind: 'field'; readonly names: readonly string[] }
  | { readonly kind: 'variable'; readonly name: string; readonly names: readonly string[] }
  | { readonly kind: 'function'; readonly name: string }
  | { readonly kind: 'group'; readonly pipe: Pipe; readonly names: readonly string[] }
);
