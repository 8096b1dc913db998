import { JobError } from '../contract/index.ts';

const LONGEST_MESSAGE_CHARS = 1_000;
const DEEPEST_CAUSE = 4;
const STACK_FRAMES = 12;

interface LoggedError {
  type: string;
  code?: string;
  message: string;
  stack?: string;
  cause?: LoggedError;
}

/**
 * An error as it is logged. The log holds nothing of a request, and errors of Node, of V8 and of libraries quote what they were
 * given: in their messages, the first line of their stacks, and fields of their own. So only these parts are kept, and what such
 * a message quotes is left out. Messages of JobErrors, and of the system's errors about files and sockets, are kept whole.
 */
export function logError(error: unknown, depth = 0): LoggedError {
  if (!(error instanceof Error)) return { type: typeof error, message: 'thrown, and not an error' };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const isOurs = error instanceof JobError || 'syscall' in error;
  const frames = error.stack?.match(/^ {4}at .*$/gm)?.slice(0, STACK_FRAMES);
  return {
    type: error.name,
    ...(code === undefined ? {} : { code }),
    message: (isOurs ? error.message : withoutQuotes(error.message)).slice(0, LONGEST_MESSAGE_CHARS),
    // A failure that has a sentence needs no stack to be understood.
    ...(error instanceof JobError || frames === undefined ? {} : { stack: frames.join('\n') }),
    ...(error.cause === undefined || depth >= DEEPEST_CAUSE ? {} : { cause: logError(error.cause, depth + 1) }),
  };
}

/** From the first quotation mark or bracket to the last. */
function withoutQuotes(message: string): string {
  return message.replace(/["'`[{].*["'`\]}]/s, '…').replace(/(?<=\bReceived ).*/s, '…');
}
