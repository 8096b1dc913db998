import type { Value } from './values.ts';

/** The expressions and statements of a template, as the parser makes and the renderer runs them. */
export type Expression =
  | { kind: 'constant'; value: Value }
  | { kind: 'name'; name: string }
  | { kind: 'list' | 'tuple' | 'concat'; items: Expression[] }
  | { kind: 'dict'; entries: [Expression, Expression][] }
  | { kind: 'attribute'; of: Expression; name: string }
  | { kind: 'item'; of: Expression; index: Expression }
  | { kind: 'slice'; of: Expression; bounds: (Expression | undefined)[] }
  | { kind: 'call'; of: Expression; args: ArgumentList }
  | { kind: 'filter'; of: Expression; name: string; args: ArgumentList }
  | { kind: 'test'; of: Expression; name: string; args: ArgumentList }
  | { kind: 'unary'; operator: '-' | '+' | 'not'; of: Expression }
  | { kind: 'binary'; operator: string; left: Expression; right: Expression }
  | { kind: 'and' | 'or'; left: Expression; right: Expression }
  | { kind: 'compare'; first: Expression; rest: [operator: string, Expression][] }
  | { kind: 'choice'; test: Expression; then: Expression; otherwise: Expression | undefined };

export interface ArgumentList {
  list: Expression[];
  named: [string, Expression][];
  /** After `*` and `**`. */
  spread?: Expression;
  spreadNamed?: Expression;
}

export type Target =
  { kind: 'name'; name: string } | { kind: 'member'; of: string; name: string } | { kind: 'tuple'; items: Target[] };

export interface Parameter {
  name: string;
  otherwise: Expression | undefined;
}

export type Statement =
  | { kind: 'text'; text: string }
  | { kind: 'output'; value: Expression }
  | { kind: 'if'; test: Expression; then: Statement[]; otherwise: Statement[] }
  | ForStatement
  | { kind: 'set'; target: Target; value: Expression }
  | { kind: 'capture'; target: Target; filter: Expression | undefined; body: Statement[] }
  | MacroStatement
  | { kind: 'call'; params: Parameter[]; call: Extract<Expression, { kind: 'call' }>; body: Statement[] }
  | { kind: 'filter'; filter: Expression; body: Statement[] }
  | { kind: 'scope'; values: [Target, Expression][]; body: Statement[] }
  | { kind: 'break' | 'continue' };

export interface ForStatement {
  kind: 'for';
  target: Target;
  of: Expression;
  test: Expression | undefined;
  isRecursive: boolean;
  body: Statement[];
  otherwise: Statement[];
}

export interface MacroStatement {
  kind: 'macro';
  name: string;
  params: Parameter[];
  body: Statement[];
}

/** Stands for the text of a block in the filters that are applied to it. */
export const BLOCK_TEXT = '{block}';
