import * as z from 'zod';
import { listOf } from '../../common/list-of.ts';
import { jsonObject } from '../../../contract/index.ts';

const ignored = () => z.unknown().optional().describe('ignored');

const toolSchema = z.looseObject({
  type: z.string(),
  name: z.string().nullish(),
  description: z.string().nullish(),
  parameters: jsonObject.nullish(),
  tools: listOf(
    z.looseObject({
      type: z.string().nullish(),
      name: z.string().nullish(),
      description: z.string().nullish(),
      parameters: jsonObject.nullish(),
    }),
  ).nullish(),
});
export type ResponseTool = z.output<typeof toolSchema>;

const choiceSchema = z.union([
  z.enum(['auto', 'none', 'required']),
  z.looseObject({
    type: z.string(),
    name: z.string().nullish(),
    namespace: z.string().nullish(),
    mode: z.enum(['auto', 'required']).nullish(),
    tools: listOf(z.looseObject({ name: z.string().nullish(), namespace: z.string().nullish() })).nullish(),
  }),
]);
export type ResponseToolChoice = z.output<typeof choiceSchema>;

const formatSchema = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('text') }),
  z.looseObject({ type: z.literal('json_object') }),
  z.looseObject({ type: z.literal('json_schema'), schema: jsonObject, strict: z.boolean().nullish() }),
]);

/** What is checked further where it is used: items of other types than these are dropped, and not refused. */
export const itemSchema = z.looseObject({ type: z.string().nullish(), role: z.string().nullish() });
export type Item = z.output<typeof itemSchema>;

/** POST /v1/responses. Fields that are not listed are ignored. */
export const responsesRequest = z.looseObject({
  model: z.string().min(1).describe('required'),
  input: z
    .union([z.string(), listOf(itemSchema)])
    .describe(
      'required: text, or items; items of unknown types are dropped. `item_reference`, files and images that the model cannot see are refused',
    ),
  instructions: z.string().nullish().describe('honoured: a system message before all others'),
  tools: listOf(toolSchema)
    .nullish()
    .describe('honoured: `function`, `custom`, `namespace` and `local_shell`; other types are dropped'),
  tool_choice: choiceSchema.nullish().describe('honoured; a tool that is not in `tools` is refused'),
  parallel_tool_calls: z.boolean().nullish().describe('honoured'),
  text: z.looseObject({ format: formatSchema.nullish() }).nullish().describe('`format` is honoured, `verbosity` is ignored'),
  reasoning: z
    .looseObject({ effort: z.string().nullish(), summary: z.unknown().optional() })
    .nullish()
    .describe('`effort` is honoured: `none` and `minimal` turn reasoning off, every other one on'),
  max_output_tokens: z.int().min(1).nullish().describe('honoured'),
  temperature: z.number().nullish().describe('honoured: 0 to 5'),
  top_p: z.number().nullish().describe('honoured'),
  top_logprobs: z.int().min(0).max(20).nullish().describe('honoured'),
  stream: z.boolean().nullish().describe('honoured'),
  metadata: z.unknown().optional().describe('repeated in the answer'),
  store: z.boolean().nullish().describe('ignored: nothing is kept, and the answer says `false`'),
  previous_response_id: z.string().nullish().describe('refused: nothing is kept'),
  conversation: z.unknown().optional().describe('refused: nothing is kept'),
  background: z.boolean().nullish().describe('refused when true'),
  include: ignored(),
  truncation: ignored(),
  prompt_cache_key: ignored(),
  service_tier: ignored(),
  user: ignored(),
  safety_identifier: ignored(),
  client_metadata: ignored(),
});
export type ResponsesRequest = z.output<typeof responsesRequest>;
