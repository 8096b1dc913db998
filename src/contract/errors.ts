import type { Actor } from './events.ts';

interface ErrorSpec {
  /** HTTP status when a request is refused with this code before a job exists. */
  status: number;
  /** Exit code of the `rbee` command. */
  exit: number;
  /** Whether the same request may succeed later, unchanged. */
  retryable: boolean;
  /** What happened, for the error page. */
  meaning: string;
  /** What the person in front of it does next. What is in <angle brackets> the keeper fills in, where it was said. */
  hint: string;
}

/**
 * Every way in which rbee fails, once. Clients branch on the code, never on the message.
 * Each entry: [HTTP status, exit code of the command], meaning, hint.
 * Exit codes: 1 a defect of ours · 2 the request is wrong · 3 not found · 4 a peer cannot be reached or misbehaves ·
 * 5 busy, try again · 6 model or engine · 7 this machine (disk, memory, port) · 8 not allowed · 9 not built yet · 130 cancelled.
 */
export const errorCodes = {
  invalid_json: final([400, 2], 'The body is not JSON.', 'Send one JSON object, for example {"operation":"status"}.'),
  bad_request: final(
    [400, 2],
    'What came is not HTTP, or too much of it.',
    'Send HTTP/1.1, with headers of at most 16 KiB in all.',
  ),
  missing_operation: final([400, 2], "The body has no 'operation'.", 'Name one: rbee --help lists them.'),
  unknown_operation: final([400, 2], 'No operation has this name.', 'Check the spelling; docs/API lists every operation.'),
  operation_not_supported: final([400, 2], 'Another role serves this operation.', 'Send it to the role that the message names.'),
  unsupported_media_type: final(
    [415, 2],
    'The body is not declared as JSON.',
    "Send the header 'Content-Type: application/json'.",
  ),
  body_too_large: final([413, 2], 'The body is over the size limit.', 'Send a smaller body; docs/API gives the limit.'),
  invalid_input: final(
    [422, 2],
    'Fields are missing, unknown or of the wrong type.',
    'See what the operation takes: docs/API/operations.md, or --help of its command.',
  ),
  idempotency_mismatch: final([409, 2], 'This Idempotency-Key was used for another request.', 'Use a new key for a new request.'),
  unauthorized: final(
    [401, 8],
    'The token is missing or wrong.',
    'Send the header "Authorization: Bearer <token>", or set RBEE_TOKEN.',
  ),
  forbidden_origin: final(
    [403, 8],
    'The Host or Origin header is not one of ours.',
    'Call the daemon by the address that it listens on.',
  ),
  not_found: final([404, 3], 'Nothing is served at this path.', 'docs/API lists every path.'),
  job_not_found: final([404, 3], 'No job has this id, or it has expired.', 'List the jobs: rbee jobs.'),
  job_already_ended: final([409, 2], 'The job has ended, so it cannot be cancelled.', 'Read how it ended: rbee logs <job>.'),
  job_damaged: final(
    [500, 7],
    'Events of the job are damaged on disk; those before them can still be read.',
    'Ask for it again. What was damaged is set aside: rbee doctor says where.',
  ),
  too_many_jobs: retryable(
    [503, 5],
    'Too many jobs are running at once, or the requests of those that have not ended are too large together.',
    'Try again when some have ended.',
  ),
  event_limit: final([507, 7], 'The job wrote more events than one job may.', 'Ask for less in one job.'),
  hive_not_found: final([404, 3], 'No hive has this id.', 'List the hives: rbee hive list. Add one: rbee hive install <hive>.'),
  hive_exists: final(
    [409, 2],
    'A hive with this id, or at this address, is registered already.',
    'See what is registered: rbee hive list.',
  ),
  hive_unreachable: retryable(
    [502, 4],
    'The hive does not answer.',
    'Is its machine on? Start the hive: rbee hive start <hive>.',
  ),
  hive_stopped: final([409, 4], 'The hive was stopped on purpose.', 'Start it: rbee hive start <hive>.'),
  hive_not_installed: final([409, 4], 'Nothing is installed on this machine yet.', 'Install it: rbee hive install <hive>.'),
  ssh_unreachable: retryable(
    [502, 4],
    'The machine cannot be reached over SSH.',
    'Is it on, and does its name lead there? rbee ssh test <machine> looks at each step.',
  ),
  ssh_host_key: final(
    [502, 8],
    'The machine is not known by its host key, or shows another one.',
    'Log in once by hand (ssh <login>) and compare the key; a changed key is removed with ssh-keygen -R <host>.',
  ),
  ssh_denied: final(
    [502, 8],
    'The machine does not let us log in.',
    'It must work without a question: ssh -o BatchMode=yes <login> true. Add your key with ssh-copy-id <login>, or start your agent.',
  ),
  ssh_failed: final([502, 4], 'A command on the machine failed.', 'Look at the machine: rbee ssh test <machine>.'),
  machine_unsupported: final([422, 7], 'rbee has no kit for this kind of machine.', 'rbee runs on 64-bit Linux and macOS.'),
  kit_failed: retryable(
    [500, 7],
    'The kit for the machine could not be put together.',
    'Mend what is missing, and run it again. A machine of another kind than this one needs npm and its registry here.',
  ),
  install_failed: final(
    [500, 7],
    'The hive could not be installed; what ran before runs on.',
    'Look at the machine: rbee ssh test <machine>. Then install again: what was sent already is kept.',
  ),
  no_room: retryable([503, 5], 'No device of the fleet can take the request now.', 'What each device lacks: rbee explain "…".'),
  hive_bad_response: final(
    [502, 4],
    'What answers as the hive does not speak our protocol.',
    'Check its host and port: rbee hive get <hive>.',
  ),
  queen_unreachable: retryable([502, 4], 'The queen does not answer.', 'Start it: rbee queen start. See why: rbee queen logs.'),
  queen_bad_response: final(
    [502, 4],
    'What answers as the queen does not speak our protocol.',
    'Check RBEE_QUEEN_PORT: rbee doctor.',
  ),
  worker_unreachable: retryable([502, 4], 'The worker does not answer.', 'Restart it: rbee worker restart <worker>.'),
  worker_bad_response: final(
    [502, 4],
    'What answers as the worker does not speak our protocol.',
    'Restart it: rbee worker restart <worker>.',
  ),
  worker_not_found: final([404, 3], 'No worker has this id.', 'List the workers: rbee worker list.'),
  worker_died: retryable(
    [502, 6],
    'The worker process ended in the middle of its work.',
    'Run it again: another worker takes it.',
  ),
  request_killed_worker: final(
    [502, 6],
    'Two workers ended while they computed this request, the second one with nothing else to do.',
    'Change the request: a shorter prompt, no schema, or another model. See how they ended: rbee worker list.',
  ),
  worker_busy: retryable([503, 5], 'All slots are taken and the queue is full.', 'Try again soon, or spawn another worker.'),
  worker_start_failed: final(
    [500, 6],
    'The worker process did not become ready.',
    'Check the machine, and the engine for its GPUs: rbee doctor.',
  ),
  device_not_found: final([404, 3], 'The machine has no such device.', 'See what it has: rbee hive get <hive>.'),
  model_not_found: final(
    [404, 3],
    'The hive has no such model.',
    'List them: rbee model list. Fetch one: rbee model download <url>.',
  ),
  model_exists: final(
    [409, 2],
    'Another model has this name already.',
    'Give it another name with --name, or delete the old one.',
  ),
  model_in_use: final([409, 2], 'A worker has this model loaded.', 'Stop the worker first: rbee worker delete <worker>.'),
  model_protected: final(
    [409, 2],
    'This model came with rbee, or is used where it lies, and cannot be deleted.',
    'rbee deletes only what it has fetched: rbee model list.',
  ),
  model_corrupt: final(
    [422, 6],
    'The file is not a model that the engine can read.',
    'Fetch it again: rbee model download <url>.',
  ),
  model_too_large: final(
    [507, 7],
    'The model needs more memory than the device has.',
    'Choose a smaller model, quantization or context.',
  ),
  checksum_mismatch: final(
    [422, 6],
    'The file is not the one that was asked for.',
    'Check the sha256 and the address, then download again.',
  ),
  download_failed: retryable(
    [502, 4],
    'The model could not be fetched.',
    "Check the address, or the path, which is one of the hive's own machine, and run it again.",
  ),
  prompt_too_long: final(
    [422, 2],
    'The prompt does not fit into the context.',
    'Say less, or give a worker more room: rbee worker spawn --context <tokens>.',
  ),
  engine_failed: final(
    [500, 6],
    'The engine reported an error.',
    'Start the worker afresh: rbee worker restart <worker>. See what the machine lacks: rbee doctor.',
  ),
  disk_full: final([507, 7], 'The disk is full.', 'Free some space: rbee doctor says how much is left.'),
  output_failed: final(
    [500, 7],
    'What a command said could not be written to its stdout.',
    'Make room there, or let it write somewhere else.',
  ),
  port_taken: final([500, 7], 'Another program listens on the port.', 'rbee doctor says which program it is.'),
  daemon_start_failed: final(
    [500, 7],
    'A daemon did not start.',
    'Check the machine: rbee doctor. What the queen has logged: rbee queen logs.',
  ),
  daemon_stop_failed: final([500, 7], 'A daemon did not stop.', 'See what still runs on this machine, and its pid: rbee doctor.'),
  version_mismatch: final(
    [409, 4],
    'A daemon runs another version of rbee.',
    'On this machine: rbee down, then again. A hive elsewhere: rbee hive update <other-hive>.',
  ),
  deadline_exceeded: retryable(
    [504, 5],
    'A step took longer than its deadline.',
    'Try again. If it stays so, look at the machine that is slow: rbee doctor.',
  ),
  shutting_down: retryable([503, 5], 'The daemon doing the job was stopped.', 'Run it again when the daemon is back.'),
  interrupted: retryable([503, 5], 'The process doing the job ended before the job did.', 'Run it again.'),
  cancelled: final([409, 130], 'The job was cancelled.', 'Nothing to do.'),
  not_implemented: final([501, 9], 'This is not built yet.', 'CHANGELOG.md says what is.'),
  internal: final([500, 1], 'A defect of ours.', 'The log of the daemon that the error names has the cause; please report it.'),
} as const satisfies Record<string, ErrorSpec>;

export type ErrorCode = keyof typeof errorCodes;

export interface WireError {
  code: ErrorCode;
  message: string;
  /** The role in which the error was made, kept through every hop. */
  origin: Actor;
  retryable: boolean;
}

/** A message quotes what others have said: the end of a log, an address. It is cut where it is longer than anybody reads. */
export const MESSAGE_LIMIT_CHARS = 32_000;

interface JobErrorOptions {
  cause?: unknown;
  origin?: Actor;
}

/** The one error of rbee. `cause` stays in the process and its log; the rest goes over the wire. */
export class JobError extends Error {
  override readonly name = 'JobError';
  readonly code: ErrorCode;
  readonly retryable: boolean;
  /** Undefined until the role that made the error sends it. */
  readonly origin: Actor | undefined;

  constructor(code: ErrorCode, message: string, options: JobErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.retryable = errorCodes[code].retryable;
    this.origin = options.origin;
  }

  toWire(here: Actor): WireError {
    const message = this.message.slice(0, MESSAGE_LIMIT_CHARS);
    return { code: this.code, message, origin: this.origin ?? here, retryable: this.retryable };
  }
}

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCodes, code);
}

type StatusAndExit = [status: number, exit: number];

/** The same request would fail again. */
function final([status, exit]: StatusAndExit, meaning: string, hint: string): ErrorSpec {
  return { status, exit, retryable: false, meaning, hint };
}

/** The same request may succeed later. */
function retryable([status, exit]: StatusAndExit, meaning: string, hint: string): ErrorSpec {
  return { status, exit, retryable: true, meaning, hint };
}
