import type { Tool, ToolChoice } from '../../../contract/index.ts';
import { RequestError, type InputFields } from '../../common/index.ts';
import { customParameters } from '../call-arguments.ts';
import type { ResponsesRequest, ResponseTool, ResponseToolChoice } from './responses-request.ts';

/** How a tool is called in an answer, by the name that the model knows. */
export interface CalledAs {
  name: string;
  namespace?: string;
  isCustom?: boolean;
}

const SHELL: Tool = {
  name: 'local_shell',
  description: 'Runs a command on the machine of the user, and returns its output',
  parameters: {
    type: 'object',
    properties: { command: { type: 'array', items: { type: 'string' } } },
    required: ['command'],
  },
};

/** The tools of a request, flat, as the model knows them. */
export class ResponseTools {
  readonly tools: Tool[] = [];
  readonly #calledAs = new Map<string, CalledAs>();

  constructor(tools: readonly ResponseTool[]) {
    for (const tool of tools) this.#add(tool);
  }

  calledAs(name: string): CalledAs {
    return this.#calledAs.get(name) ?? { name };
  }

  has(name: string): boolean {
    return this.#calledAs.has(name);
  }

  #add(tool: ResponseTool): void {
    if (tool.type === 'local_shell') return this.#put(SHELL, { name: SHELL.name });
    const { name } = tool;
    if (!name) return;
    if (tool.type === 'custom')
      return this.#put({ name, ...described(tool), parameters: customParameters }, { name, isCustom: true });
    if (tool.type === 'function') return this.#put(functionTool(tool, name), { name });
    if (tool.type !== 'namespace') return;
    for (const inner of tool.tools ?? []) {
      if (!inner.name || (inner.type ?? 'function') !== 'function') continue;
      this.#put(functionTool(inner, flatName(inner.name, name)), { name: inner.name, namespace: name });
    }
  }

  #put(tool: Tool, called: CalledAs): void {
    this.tools.push(tool);
    this.#calledAs.set(tool.name, called);
  }
}

/** The name by which the model knows a tool of a namespace. */
export function flatName(name: string, namespace: string | null | undefined): string {
  return namespace ? `${namespace}__${name}` : name;
}

export function toolFields(tools: ResponseTools, { tool_choice, parallel_tool_calls }: ResponsesRequest): InputFields<'infer'> {
  const choice = choiceOf(tool_choice ?? undefined);
  const missing = typeof choice === 'object' ? choice.names.find((name) => !tools.has(name)) : undefined;
  if (missing !== undefined) throw new RequestError('tool_choice', `no tool is called '${missing.slice(0, 100)}'`);
  if (tools.tools.length > 0)
    return {
      tools: tools.tools,
      tool_choice: choice,
      parallel_tool_calls: isOfOne(tool_choice) && choice !== undefined ? false : (parallel_tool_calls ?? undefined),
    };
  if (choice === 'required') throw new RequestError('tool_choice', "'required' needs 'tools'");
  return {};
}

/** OpenAI's API calls a tool that is chosen by name exactly once. */
function isOfOne(choice: ResponsesRequest['tool_choice']): boolean {
  return typeof choice === 'object' && choice !== null && choice.type !== 'allowed_tools';
}

/** A choice of a hosted tool, which is not served, leaves the choice to the model. */
function choiceOf(choice: ResponseToolChoice | undefined): ToolChoice | undefined {
  if (choice === undefined || typeof choice === 'string') return choice;
  const { type, name, namespace, mode, tools } = choice;
  if (type === 'allowed_tools') {
    const names = (tools ?? []).flatMap((tool) => (tool.name ? [flatName(tool.name, tool.namespace)] : []));
    return names.length === 0 ? 'none' : { names, required: mode === 'required' };
  }
  if (type === 'local_shell') return { names: [SHELL.name], required: true };
  return (type === 'function' || type === 'custom') && name ? { names: [flatName(name, namespace)], required: true } : undefined;
}

function functionTool(tool: Pick<ResponseTool, 'description' | 'parameters'>, name: string): Tool {
  return { name, ...described(tool), ...(tool.parameters ? { parameters: tool.parameters } : {}) };
}

function described({ description }: Pick<ResponseTool, 'description'>): { description?: string } {
  return description ? { description } : {};
}
