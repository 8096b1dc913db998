// Writes docs/API from the contract; with --check, says whether what is there is up to date.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { format } from 'prettier';
import { openAiPage } from './openai-page.mjs';

const root = new URL('..', import.meta.url);
const bundled = await build({
  absWorkingDir: fileURLToPath(root),
  stdin: {
    contents: [
      "export * from './src/contract/index.ts';",
      "export { exitCodes } from './src/contract/error-scopes.ts';",
      "export * as z from 'zod';",
      "export { chatRequest } from './src/apis/openai/chat/chat-request.ts';",
      "export { completionsRequest } from './src/apis/openai/completions/completions-request.ts';",
      "export { embeddingsRequest } from './src/apis/openai/embeddings/embeddings-request.ts';",
      "export { rerankRequest } from './src/apis/openai/embeddings/rerank-request.ts';",
      "export { responsesRequest } from './src/apis/openai/responses/responses-request.ts';",
    ].join('\n'),
    resolveDir: fileURLToPath(root),
  },
  bundle: true,
  format: 'esm',
  platform: 'node',
  write: false,
});
const {
  operations,
  errorCodes,
  exitCodes,
  z,
  chatRequest,
  completionsRequest,
  responsesRequest,
  embeddingsRequest,
  rerankRequest,
} = await import(`data:text/javascript;base64,${Buffer.from(bundled.outputFiles[0].text).toString('base64')}`);

const openAi = {
  '/v1/chat/completions': chatRequest,
  '/v1/completions': completionsRequest,
  '/v1/responses': responsesRequest,
  '/v1/embeddings': embeddingsRequest,
  '/v1/rerank': rerankRequest,
};
const pages = {
  'operations.md': operationsPage(),
  'errors.md': errorsPage(),
  'openai.md': openAiPage(openAi, (schema) => z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })),
};
const isCheck = process.argv.includes('--check');
mkdirSync(new URL('docs/API/', root), { recursive: true });
for (const [name, text] of Object.entries(pages)) {
  const file = new URL(`docs/API/${name}`, root);
  const wanted = await format(text, { parser: 'markdown' });
  if (!isCheck) writeFileSync(file, wanted);
  else if (readOr(file) !== wanted) {
    console.error(`docs/API/${name} is out of date: npm run docs`);
    process.exitCode = 1;
  }
}

function readOr(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function operationsPage() {
  const lines = [
    '# Operations',
    '',
    'Generated from the contract by `npm run docs`. Every operation is a job: `POST /v1/jobs` with `{"operation": "<name>", …}`,',
    'then `GET /v1/jobs/{job_id}/stream`. See [protocol.md](protocol.md).',
    '',
  ];
  for (const [name, spec] of Object.entries(operations)) {
    lines.push(`## ${name}`, '', `${spec.summary}. Runs on the ${spec.runsOn}.`, '');
    lines.push(...fieldTable(z.toJSONSchema(spec.input, { io: 'input' }), 'Input'));
    lines.push(...fieldTable(z.toJSONSchema(spec.output), 'Output'));
    lines.push('```sh', ...spec.examples, '```', '');
  }
  return lines.join('\n');
}

function fieldTable(schema, title) {
  const fields = Object.entries(schema.properties ?? {});
  if (fields.length === 0) return [`${title}: nothing.`, ''];
  const required = new Set(schema.required ?? []);
  const rows = fields.map(([field, value]) => {
    const must =
      required.has(field) && value.default === undefined
        ? 'yes'
        : value.default === undefined
          ? ''
          : `default \`${JSON.stringify(value.default)}\``;
    return `| \`${field}\` | ${typeOf(value)} | ${must} | ${(value.description ?? '').replaceAll('|', '\\|')} |`;
  });
  return [`| ${title} | type | required | meaning |`, '|---|---|---|---|', ...rows, ''];
}

function typeOf(schema) {
  if (schema.enum) return schema.enum.map((value) => `\`${value}\``).join(', ');
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(' or ');
  if (schema.type === 'array') return `list of ${typeOf(schema.items ?? {})}`;
  if (schema.type === 'object' && schema.properties)
    return `object (${Object.keys(schema.properties)
      .map((key) => `\`${key}\``)
      .join(', ')})`;
  return schema.type ?? 'anything';
}

function errorsPage() {
  const lines = [
    '# Errors',
    '',
    'Generated from the contract by `npm run docs`. Clients branch on the code, never on the message. A request that is refused gets the HTTP',
    'status and `{"error": {code, message, origin, retryable, hint}}`; a job that fails ends with a `failed` event of the same fields, without the hint.',
    'The command `rbee` ends with the exit code ([below](#exit-codes)).',
    '',
    'Retry: whether the same request may succeed later. *fixed*: only after a person has changed something on a machine; see the hint.',
    '',
    'Scope: what the failure is about. The queen runs a request elsewhere after every failure whose scope is not `request` or `defect`,',
    'as long as no token of its answer has been sent, or the request sets `continue_elsewhere`.',
    '',
    '| code | HTTP | exit | retry | scope | what happened | what to do |',
    '|---|---|---|---|---|---|---|',
  ];
  const retry = { later: 'yes', person: 'fixed', none: 'no' };
  for (const [code, { status, exit, recovery, scope, meaning, hint }] of Object.entries(errorCodes)) {
    lines.push(
      `| \`${code}\` | ${status} | ${exit} | ${retry[recovery]} | ${scope} | ${meaning} | ${hint.replaceAll('|', '\\|').replaceAll('<', '\\<')} |`,
    );
  }
  lines.push('', '## Exit codes', '', 'Of the command `rbee`.', '', '| exit | meaning |', '|---|---|');
  for (const [exit, meaning] of Object.entries(exitCodes)) lines.push(`| ${exit} | ${meaning} |`);
  return lines.join('\n');
}
