import * as z from 'zod';
import { sshCheck } from '../entities.ts';
import { hive_id, ssh } from '../fields.ts';
import type { OperationSpec } from './operation-spec.ts';

export const ssh_test = {
  runsOn: 'queen',
  summary: 'Check what works over SSH to a machine',
  subject: 'hive_id',
  input: z
    .strictObject({ hive_id: hive_id.removeDefault().optional(), ...ssh })
    .refine((input) => input.hive_id !== undefined || input.ssh_host !== undefined, {
      path: ['hive_id'],
      message: 'name a hive or a machine, or give ssh_host',
    }),
  output: z.object({
    ssh_host: z.string(),
    hive_id: z.string().optional().describe('Id of its hive, when registered'),
    reachable: z.boolean().describe('Whether a hive can be installed there; if not, the command exits with code 1'),
    checks: z.array(sshCheck),
  }),
  examples: ['rbee ssh test gaming-pc', 'rbee ssh test --ssh-host 192.0.2.7 --ssh-user me'],
} as const satisfies OperationSpec;
