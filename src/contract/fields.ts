import * as z from 'zod';

// Fields shared by several operations.

export const LOCALHOST = 'localhost';

export const hive_id = z.string().min(1).max(64).describe('Which hive').default(LOCALHOST);
export const worker_id = z.string().min(1).max(64).describe('Which worker');
export const model_name = z
  .string()
  .min(1)
  .max(1024)
  .describe('Name of a model on the hive, or path of a .gguf file on its machine');
export const port = z.int().min(1).max(65535);
/** Only characters of names and addresses: anything else could be read as a header, a path or an option by the program that gets it. */
export const host = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[A-Za-z0-9_:][A-Za-z0-9._:%-]*$/, 'a host name or an address');
export const ssh = {
  ssh_host: host.optional().describe('Host name, address, or alias in ~/.ssh/config'),
  ssh_port: port.optional().describe('SSH port; 22 when omitted'),
  ssh_user: z
    .string()
    .min(1)
    .max(64)
    .regex(/^[A-Za-z0-9_][A-Za-z0-9._@-]*$/, 'a user name')
    .optional()
    .describe('Login name'),
};

export const direct = {
  transport: z
    .enum(['ssh', 'http'])
    .optional()
    .describe('How the queen connects to the hive: ssh (the default), or http, for which the hive listens on its network'),
};
