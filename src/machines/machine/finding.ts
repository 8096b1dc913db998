import type { SshCheck } from '../../contract/index.ts';

/** The result of one check of a machine, without the name of the check. */
export type Finding = Omit<SshCheck, 'check'>;
