import { JobError } from '../../contract/index.ts';

/** A limit of this process, such as too many open files, does not mean that the file is damaged. */
const OF_THE_MOMENT = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN']);

/** A file that cannot be read is as damaged as one with a wrong byte: a folder in its place, a bad sector, a forbidden one. */
export function orDamaged<T>(work: () => T): T | 'damaged' {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && OF_THE_MOMENT.has(String(cause.code))) throw cause;
    if (cause instanceof JobError) throw cause;
    return 'damaged';
  }
}

export function damagedLog(file: string): JobError {
  return new JobError('job_damaged', `The log of this job is damaged, its last events are lost: ${file}`);
}
