import * as z from 'zod';
import { HIVE_PORT, LOOPBACK } from '../defaults.ts';
import { hive, hiveHealth, sshTarget, transports } from '../entities.ts';
import { direct, hive_id, host, port, ssh } from '../fields.ts';
import type { OperationSpec } from './operation-spec.ts';

export const hiveOperations = {
  hive_install: {
    runsOn: 'queen',
    summary: 'Install a hive on a machine, register it and start it',
    subject: 'hive_id',
    input: z.strictObject({
      hive_id,
      ...ssh,
      port: port.optional().describe(`Port of the hive there; the first free one from ${HIVE_PORT} when omitted`),
      ...direct,
      host: host.optional().describe('Host name or address for http; that of SSH when omitted'),
    }),
    output: hive,
    examples: ['rbee hive install', 'rbee hive install gaming-pc', 'rbee hive install attic --ssh-host 192.0.2.7 --ssh-user me'],
  },
  hive_uninstall: {
    runsOn: 'queen',
    summary: 'Stop a hive, remove it from its machine and from this fleet',
    subject: 'hive_id',
    input: z.strictObject({
      hive_id,
      catalog_only: z.boolean().default(false).describe('Only remove it from this fleet; do not touch the machine'),
      keep_models: z.boolean().default(false).describe('Keep the downloaded models on the machine'),
    }),
    output: z.object({
      hive_id: z.string(),
      catalog_only: z.boolean().describe('Whether it was only removed from this fleet'),
    }),
    examples: ['rbee hive uninstall attic', 'rbee hive uninstall attic --catalog-only'],
  },
  hive_update: {
    runsOn: 'queen',
    summary: 'Update a hive to this version, change its address, or refresh its capabilities',
    subject: 'hive_id',
    input: z.strictObject({
      hive_id,
      ...ssh,
      ...direct,
      host: host.optional().describe('New host name or address, for http'),
      port: port.optional().describe('New port'),
      refresh_capabilities: z.boolean().default(false).describe('Query the devices of the machine again'),
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
    summary: 'Check the health of a hive',
    subject: 'hive_id',
    input: z.strictObject({ hive_id }),
    output: hiveHealth,
    examples: ['rbee hive status'],
  },
  hive_create: {
    runsOn: 'queen',
    summary: 'Register a hive that is already running',
    subject: 'hive_id',
    input: z.strictObject({
      hive_id: hive_id.removeDefault().optional().describe('Id; the host when omitted'),
      host: host.describe('Host name or address'),
      port: port.default(HIVE_PORT).describe('Port of the hive'),
    }),
    output: hive,
    examples: [`rbee hive create attic --host ${LOOPBACK} --port ${HIVE_PORT}`],
  },
  hive_delete: {
    runsOn: 'queen',
    summary: 'Remove a hive from this fleet; its processes keep running',
    subject: 'hive_id',
    input: z.strictObject({ hive_id: hive_id.removeDefault() }),
    output: z.object({
      hive_id: z.string(),
      transport: z.enum(transports).describe('How the queen connected to it'),
      ssh: sshTarget.optional().describe('The machine where it is still installed, for hives installed over SSH'),
    }),
    examples: ['rbee hive delete attic'],
  },
  hive_import_ssh: {
    runsOn: 'queen',
    summary: 'List the hosts in ~/.ssh/config, and add the chosen ones as hives',
    input: z.strictObject({
      hosts: z.array(host).max(1000).default([]).describe('Hosts to add; none when omitted'),
    }),
    output: z.object({
      hosts: z.array(
        z.object({
          host: z.string().describe('Alias in ~/.ssh/config'),
          hostname: z.string(),
          user: z.string(),
          port: z.int(),
          hive_id: z.string().optional().describe('Id of its hive, when registered'),
        }),
      ),
      hives: z.array(hive).describe('The added hives'),
    }),
    examples: ['rbee hive import-ssh', 'rbee hive import-ssh --hosts gaming-pc'],
  },
} as const satisfies Record<string, OperationSpec>;
