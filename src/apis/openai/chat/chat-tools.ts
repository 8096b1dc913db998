import type { Tool, ToolChoice } from '../../../contract/index.ts';
import { RequestError, type InputFields } from '../../common/index.ts';
import { customParameters } from '../call-arguments.ts';
import type { ChatRequest, ChatTool, ChatToolChoice } from './chat-request.ts';

/** How the tools of a request are called in its answer. */
export interface ToolForms {
  /** Names of tools that take one text. */
  custom: ReadonlySet<string>;
  /** In the older form, an answer has one `function_call`. */
  isOlder: boolean;
}

export function toolFormsOf({ tools, functions }: ChatRequest): ToolForms {
  const custom = (tools ?? []).flatMap((tool) => (tool.custom && tool.type === 'custom' ? [tool.custom.name] : []));
  return { custom: new Set(custom), isOlder: (functions?.length ?? 0) > 0 && (tools?.length ?? 0) === 0 };
}

export function toolsOf(request: ChatRequest): InputFields<'infer'> {
  const { functions, function_call, parallel_tool_calls } = request;
  if (toolFormsOf(request).isOlder) {
    const tools = (functions ?? []).map(functionTool);
    const choice =
      typeof function_call === 'object' && function_call !== null
        ? { names: [function_call.name], required: true }
        : function_call;
    return withChoice(tools, choice ?? undefined, { field: 'function_call', parallel: false });
  }
  const tools = (request.tools ?? []).map(toolOf).filter((tool) => tool !== undefined);
  return withChoice(tools, choiceOf(request.tool_choice ?? undefined), {
    field: 'tool_choice',
    parallel: isOfOne(request.tool_choice) ? false : (parallel_tool_calls ?? undefined),
  });
}

/** OpenAI's API calls a tool that is chosen by name exactly once. */
function isOfOne(choice: ChatRequest['tool_choice']): boolean {
  return typeof choice === 'object' && choice !== null && choice.type !== 'allowed_tools';
}

function withChoice(
  tools: Tool[],
  choice: ToolChoice | undefined,
  { field, parallel }: { field: string; parallel: boolean | undefined },
): InputFields<'infer'> {
  const names = typeof choice === 'object' ? choice.names : [];
  const missing = names.find((name) => !tools.some((tool) => tool.name === name));
  if (missing !== undefined) throw new RequestError(field, `no tool is called '${missing.slice(0, 100)}'`);
  if (tools.length > 0) return { tools, tool_choice: choice, parallel_tool_calls: parallel };
  if (choice === 'required') throw new RequestError(field, "'required' needs 'tools'");
  return {};
}

function toolOf({ type, function: called, custom }: ChatTool): Tool | undefined {
  if (custom && type === 'custom') return { name: custom.name, ...described(custom), parameters: customParameters };
  return called && (type ?? 'function') === 'function' ? functionTool(called) : undefined;
}

function functionTool(called: NonNullable<ChatTool['function']>): Tool {
  return { name: called.name, ...described(called), ...(called.parameters ? { parameters: called.parameters } : {}) };
}

function described({ description }: { description?: string | null | undefined }): { description?: string } {
  return description ? { description } : {};
}

function choiceOf(choice: ChatToolChoice | undefined): ToolChoice | undefined {
  if (choice === undefined || typeof choice === 'string') return choice;
  if (choice.type === 'function') return { names: [choice.function.name], required: true };
  if (choice.type === 'custom') return { names: [choice.custom.name], required: true };
  const { mode, tools } = choice.allowed_tools;
  const names = tools.map((tool) => tool.function?.name ?? tool.custom?.name).filter((name) => name !== undefined);
  return names.length === 0 ? 'none' : { names, required: mode === 'required' };
}
