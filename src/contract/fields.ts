import * as z from 'zod';

// Fields that several operations have.

export const LOCALHOST = 'localhost';
/** Ships with rbee, so that the first command needs no download. */
export const DEFAULT_MODEL = 'tiny';

export const hive_id = z.string().min(1).max(64).describe('Which hive').default(LOCALHOST);
export const worker_id = z.string().min(1).max(64).describe('Which worker');
export const model_name = z.string().min(1).max(1024).describe('Name of a model on the hive, or the path of a .gguf file there');
export const port = z.int().min(1).max(65535);
/** What a name or an address is made of. Anything else would be a header, a path or an option to whatever is given it. */
export const host = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[A-Za-z0-9_:][A-Za-z0-9._:%-]*$/, 'a host name or an address');
export const ssh = {
  ssh_host: host.optional().describe('Host name or alias of ~/.ssh/config'),
  ssh_port: port.optional().describe('SSH port, 22 when left out'),
  ssh_user: z
    .string()
    .min(1)
    .max(64)
    .regex(/^[A-Za-z0-9_][A-Za-z0-9._@-]*$/, 'a user name')
    .optional()
    .describe('User to log in as'),
};

export const direct = {
  transport: z
    .enum(['ssh', 'http'])
    .optional()
    .describe('How it is called: through SSH, the default, or directly, for which it listens on its network'),
};
