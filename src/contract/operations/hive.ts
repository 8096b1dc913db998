import * as z from 'zod';
import { HIVE_PORT, LOOPBACK } from '../defaults.ts';
import { hive, hiveHealth, sshTarget, transports } from '../entities.ts';
import { direct, hive_id, host, port, ssh } from '../fields.ts';
import type { OperationSpec } from './operation-spec.ts';

export const hiveOperations = {
  hive_install: {
    runsOn: 'queen',
    summary: 'Set up a hive on a machine, register and start it',
    subject: 'hive_id',
    input: z.strictObject({
      hive_id,
      ...ssh,
      port: port.optional().describe(`Port of the hive there; the first free one from ${HIVE_PORT} when left out`),
      ...direct,
      host: host.optional().describe('Where it is called directly; its address for SSH when left out'),
    }),
    output: hive,
    examples: ['rbee hive install', 'rbee hive install gaming-pc', 'rbee hive install attic --ssh-host 192.0.2.7 --ssh-user me'],
  },
  hive_uninstall: {
    runsOn: 'queen',
    summary: 'Stop a hive, remove what was installed on its machine, and forget it',
    subject: 'hive_id',
    input: z.strictObject({
      hive_id,
      catalog_only: z.boolean().default(false).describe('Only forget it; leave the machine alone'),
      keep_models: z.boolean().default(false).describe('Leave the downloaded models there'),
    }),
    output: z.object({
      hive_id: z.string(),
      catalog_only: z.boolean().describe('Whether it was only forgotten, and its machine left alone'),
    }),
    examples: ['rbee hive uninstall attic', 'rbee hive uninstall attic --catalog-only'],
  },
  hive_update: {
    runsOn: 'queen',
    summary: 'Bring a hive to this version, change where it is reached, or ask its machine again what it has',
    subject: 'hive_id',
    input: z.strictObject({
      hive_id,
      ...ssh,
      ...direct,
      host: host.optional().describe('New host name or address, for a hive that is called directly'),
      port: port.optional().describe('New port'),
      refresh_capabilities: z.boolean().default(false).describe('Ask the machine again for its devices'),
    }),
    output: hive,
    examples: ['rbee hive update gaming-pc', 'rbee hive update --refresh-capabilities'],
  },
  hive_start: {
    runsOn: 'queen',
    summary: 'Start a hive',
    subject: 'hive_id',
    input: z.strictObject({ hive_id }),
    output: hiveHealth,
    examples: ['rbee hive start'],
  },
  hive_stop: {
    runsOn: 'queen',
    summary: 'Stop a hive and its workers',
    subject: 'hive_id',
    input: z.strictObject({ hive_id }),
    output: hiveHealth,
    examples: ['rbee hive stop'],
  },
  hive_list: {
    runsOn: 'queen',
    summary: 'List the hives',
    input: z.strictObject({}),
    output: z.object({ hives: z.array(hive) }),
    examples: ['rbee hive list'],
  },
  hive_get: {
    runsOn: 'queen',
    summary: 'Show one hive: its address and its devices',
    subject: 'hive_id',
    input: z.strictObject({ hive_id }),
    output: hive,
    examples: ['rbee hive get'],
  },
  hive_status: {
    runsOn: 'queen',
    summary: 'Ask a hive whether it is well',
    subject: 'hive_id',
    input: z.strictObject({ hive_id }),
    output: hiveHealth,
    examples: ['rbee hive status'],
  },
  hive_create: {
    runsOn: 'queen',
    summary: 'Register a hive that runs already',
    subject: 'hive_id',
    input: z.strictObject({
      hive_id: hive_id.removeDefault().optional().describe('Its id; the host when left out'),
      host: host.describe('Host name or address'),
      port: port.default(HIVE_PORT).describe('Port of the hive'),
    }),
    output: hive,
    examples: [`rbee hive create attic --host ${LOOPBACK} --port ${HIVE_PORT}`],
  },
  hive_delete: {
    runsOn: 'queen',
    summary: 'Forget a hive; what runs there goes on',
    subject: 'hive_id',
    input: z.strictObject({ hive_id: hive_id.removeDefault() }),
    output: z.object({
      hive_id: z.string(),
      transport: z.enum(transports).describe('How it was reached'),
      ssh: sshTarget.optional().describe('Where it is still installed, for hives installed over SSH'),
    }),
    examples: ['rbee hive delete attic'],
  },
  hive_import_ssh: {
    runsOn: 'queen',
    summary: 'List the hosts of ~/.ssh/config, and add the chosen ones as hives',
    input: z.strictObject({
      hosts: z.array(host).max(1000).default([]).describe('Which hosts to add; none when left out'),
    }),
    output: z.object({
      hosts: z.array(
        z.object({
          host: z.string().describe('As ~/.ssh/config calls it'),
          hostname: z.string(),
          user: z.string(),
          port: z.int(),
          hive_id: z.string().optional().describe('Its hive, when it is registered'),
        }),
      ),
      hives: z.array(hive).describe('Those that were added'),
    }),
    examples: ['rbee hive import-ssh', 'rbee hive import-ssh --hosts gaming-pc'],
  },
} as const satisfies Record<string, OperationSpec>;
