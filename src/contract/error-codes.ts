import { final, forPerson, retryable, type ErrorScope, type ErrorSpec } from './error-scopes.ts';

/**
 * Every error of rbee, once. Clients branch on the code, never on the message.
 * Each entry: [HTTP status, exit code of the command, scope], meaning, hint.
 */
export const errorCodes = {
  invalid_json: final([400, 2, 'request'], 'The body is not JSON.', 'Send one JSON object, for example {"operation":"status"}.'),
  bad_request: final(
    [400, 2, 'request'],
    'Malformed or oversized HTTP request.',
    'Send HTTP/1.1, with headers of at most 16 KiB in all.',
  ),
  missing_operation: final([400, 2, 'request'], "The body has no 'operation'.", 'Name one: docs/API/operations.md lists them.'),
  unknown_operation: final(
    [400, 2, 'request'],
    'No operation has this name.',
    'Check the spelling; docs/API lists every operation.',
  ),
  operation_not_supported: final(
    [400, 2, 'request'],
    'Another role serves this operation.',
    'Send it to the role that the message names.',
  ),
  unsupported_media_type: final(
    [415, 2, 'request'],
    'The body is declared as something other than JSON, or is a form from a browser.',
    "Send the header 'Content-Type: application/json'.",
  ),
  body_too_large: final(
    [413, 2, 'request'],
    'The body exceeds the size limit.',
    'Send a smaller body; docs/API gives the limit.',
  ),
  invalid_input: final(
    [422, 2, 'request'],
    'Fields are missing, unknown or of the wrong type.',
    'See the fields of the operation: docs/API/operations.md, or --help of its command.',
  ),
  idempotency_mismatch: final(
    [409, 2, 'request'],
    'This Idempotency-Key was used for another request.',
    'Use a new key for a new request.',
  ),
  unauthorized: final(
    [401, 8, 'request'],
    'The token is missing or wrong.',
    'Send the header "Authorization: Bearer <token>", or set RBEE_TOKEN.',
  ),
  forbidden_origin: final(
    [403, 8, 'request'],
    'The Host or Origin header is not allowed.',
    'Call the daemon by the address that it listens on.',
  ),
  not_found: final([404, 3, 'request'], 'Nothing is served at this path.', 'docs/API lists every path.'),
  job_not_found: final([404, 3, 'request'], 'No job has this id, or it has expired.', 'List the jobs: rbee jobs.'),
  job_already_ended: final(
    [409, 2, 'request'],
    'The job has ended and cannot be cancelled.',
    'Read how it ended: rbee logs <job>.',
  ),
  job_damaged: final(
    [500, 7, 'worker'],
    'Events of the job are damaged on disk; the events before them can still be read.',
    'Run it again. The damaged part is set aside: rbee doctor shows where.',
  ),
  too_many_jobs: retryable(
    [503, 5, 'queue'],
    'Too many jobs are running, or the requests of all unfinished jobs take too much memory.',
    'Try again when some have ended.',
  ),
  event_limit: final([507, 7, 'request'], 'The job wrote more events than a job may.', 'Split the work into several jobs.'),
  hive_not_found: final(
    [404, 3, 'name'],
    'No hive has this id.',
    'List the hives: rbee hive list. Add one: rbee hive install <hive>.',
  ),
  hive_exists: final(
    [409, 2, 'request'],
    'A hive with this id or address is already registered.',
    'List the hives: rbee hive list.',
  ),
  hive_unreachable: retryable(
    [502, 4, 'connection'],
    'The hive does not answer.',
    'Is its machine on? Start the hive: rbee hive start <hive>.',
  ),
  hive_stopped: forPerson([409, 4, 'hive'], 'The hive was stopped on purpose.', 'Start it: rbee hive start <hive>.'),
  hive_not_installed: forPerson(
    [409, 4, 'hive'],
    'No hive is installed on this machine.',
    'Install it: rbee hive install <hive>.',
  ),
  ssh_unreachable: retryable(
    [502, 4, 'connection'],
    'The machine cannot be reached over SSH.',
    'Is it on, and is its name right? Check each step: rbee ssh test <machine>.',
  ),
  ssh_host_key: forPerson(
    [502, 8, 'connection'],
    'The host key of the machine is unknown or has changed.',
    'Log in once by hand and compare the key; ssh-keygen -R removes a changed one. The commands for this machine: rbee ssh test <machine>.',
  ),
  ssh_denied: forPerson(
    [502, 8, 'connection'],
    'The machine refuses the SSH login.',
    'The login must work without a prompt: add your key with ssh-copy-id, or start your SSH agent. The commands for this machine: rbee ssh test <machine>.',
  ),
  ssh_failed: final([502, 4, 'connection'], 'A command on the machine failed.', 'Check the machine: rbee ssh test <machine>.'),
  machine_unsupported: final(
    [422, 7, 'machine'],
    'rbee does not support this kind of machine.',
    'rbee runs on 64-bit Linux and macOS.',
  ),
  kit_failed: retryable(
    [500, 7, 'machine'],
    'The files to install on the machine could not be assembled.',
    'Install what is missing and try again. For another kind of machine, npm and access to its registry are needed here.',
  ),
  install_failed: final(
    [500, 7, 'machine'],
    'The hive could not be installed; the previous version keeps running.',
    'Check the machine: rbee ssh test <machine>. Then install again: files already sent are kept.',
  ),
  no_room: retryable(
    [503, 5, 'load'],
    'No device of the fleet has free memory for the model now.',
    'See what each device lacks: rbee explain "…".',
  ),
  hive_bad_response: final(
    [502, 4, 'hive'],
    'The program at the address of the hive does not speak the protocol of rbee.',
    'Check its host and port: rbee hive get <hive>.',
  ),
  queen_unreachable: retryable(
    [502, 4, 'connection'],
    'The queen does not answer.',
    'Start it: rbee queen start. See why: rbee queen logs.',
  ),
  queen_bad_response: final(
    [502, 4, 'connection'],
    'The program at the address of the queen does not speak the protocol of rbee.',
    'Check RBEE_QUEEN_PORT: rbee doctor.',
  ),
  worker_unreachable: retryable([502, 4, 'worker'], 'The worker does not answer.', 'Restart it: rbee worker restart <worker>.'),
  worker_bad_response: final(
    [502, 4, 'worker'],
    'The program at the address of the worker does not speak the protocol of rbee.',
    'Restart it: rbee worker restart <worker>.',
  ),
  worker_not_found: final(
    [404, 3, 'worker'],
    'No worker has this id, or the worker has exited.',
    'List the workers: rbee worker list.',
  ),
  worker_died: retryable(
    [502, 6, 'worker'],
    'The worker process exited while it served the request.',
    'Run it again: another worker serves it, unless the request names one.',
  ),
  request_killed_worker: final(
    [502, 6, 'request'],
    'Two workers exited while they computed this request, the second one with no other request.',
    'Change the request: a shorter prompt, no schema, or another model. See how they exited: rbee worker list.',
  ),
  worker_busy: retryable(
    [503, 5, 'queue'],
    'All slots are taken and the queue is full.',
    'Try again soon, or spawn another worker.',
  ),
  worker_start_failed: final(
    [500, 6, 'model'],
    'The worker process did not become ready.',
    'Check the machine, and the engine for its GPUs: rbee doctor.',
  ),
  device_not_found: final([404, 3, 'name'], 'The machine has no such device.', 'List its devices: rbee hive get <hive>.'),
  model_not_found: final(
    [404, 3, 'name'],
    'The hive has no such model.',
    'List the models: rbee model list. Download one: rbee model download <org/repo>.',
  ),
  model_exists: final(
    [409, 2, 'request'],
    'Another model already has this name.',
    'Choose another name with --name, or delete the old model.',
  ),
  model_in_use: final(
    [409, 2, 'request'],
    'A worker has this model loaded.',
    'Stop the worker first: rbee worker delete <worker>.',
  ),
  model_protected: final(
    [409, 2, 'request'],
    'This model ships with rbee, or is used in place, and cannot be deleted.',
    'rbee deletes only models that it downloaded: rbee model list.',
  ),
  model_corrupt: final(
    [422, 6, 'model'],
    'The file is not a model that the engine can read.',
    'Replace the file, or delete the model (rbee model delete <model>) and download it again.',
  ),
  model_too_large: final(
    [507, 7, 'model'],
    'The model needs more memory than the device has.',
    'Choose a smaller model or quantization, fewer slots or a smaller context.',
  ),
  checksum_mismatch: final(
    [422, 6, 'model'],
    'The downloaded file does not have the expected digest.',
    'Check the sha256 and the address, then download again.',
  ),
  download_failed: retryable(
    [502, 4, 'model'],
    'The model could not be downloaded.',
    'Check the address, or the path on the machine of the hive, and try again.',
  ),
  model_gated: forPerson(
    [403, 8, 'model'],
    'The owner of the model asks for consent before it can be downloaded.',
    'Accept the conditions on the page that the message names, and set HF_TOKEN for the hive to a token of that account.',
  ),
  hub_unauthorized: forPerson(
    [403, 8, 'model'],
    'The Hub does not accept the token of the hive.',
    'Set HF_TOKEN for the hive to a valid token, or remove it: public models need none.',
  ),
  hub_limited: retryable(
    [429, 5, 'model'],
    'The Hub limits the requests of this machine.',
    'Try again later: what has arrived is kept. With a token (HF_TOKEN) the limits are higher.',
  ),
  prompt_too_long: final(
    [422, 2, 'request'],
    'The prompt does not fit into the context.',
    'Shorten the prompt, or use a model with a longer context. A worker may have less than its model allows: rbee worker spawn --context <tokens>.',
  ),
  engine_failed: final(
    [500, 6, 'request'],
    'The engine reported an error.',
    'Restart the worker: rbee worker restart <worker>. Check the machine: rbee doctor.',
  ),
  disk_full: forPerson(
    [507, 7, 'machine'],
    'The disk is full.',
    'Free some space, for example with rbee model delete. rbee doctor shows how much is left.',
  ),
  output_failed: final(
    [500, 7, 'machine'],
    'The output of a command could not be written to stdout.',
    'Free space there, or write the output somewhere else.',
  ),
  port_taken: forPerson(
    [500, 7, 'machine'],
    'Another program listens on the port.',
    'Stop the program (rbee doctor names it on Linux), or set RBEE_QUEEN_PORT, RBEE_HIVE_PORT or RBEE_WORKER_PORTS.',
  ),
  daemon_start_failed: final(
    [500, 7, 'machine'],
    'A daemon did not start.',
    'Check the machine: rbee doctor. Read the log of the queen: rbee queen logs.',
  ),
  daemon_stop_failed: final(
    [500, 7, 'machine'],
    'A daemon did not stop.',
    'See what still runs on this machine, and its pid: rbee doctor.',
  ),
  version_mismatch: forPerson(
    [409, 4, 'hive'],
    'A daemon runs another version of rbee.',
    'On this machine: rbee down, then again. A hive elsewhere: rbee hive update <other-hive>.',
  ),
  deadline_exceeded: retryable(
    [504, 5, 'load'],
    'A step took longer than its deadline.',
    'Try again. If it happens again, check the slow machine: rbee doctor.',
  ),
  shutting_down: retryable([503, 5, 'hive'], 'The daemon that ran the job was stopped.', 'Run it again when the daemon is back.'),
  interrupted: retryable([503, 5, 'worker'], 'The process that ran the job exited before the job ended.', 'Run it again.'),
  cancelled: final([409, 130, 'request'], 'The job was cancelled.', 'Nothing to do.'),
  internal: final(
    [500, 1, 'defect'],
    'Internal error (a bug in rbee).',
    'The log of the daemon that the error names has the cause; please report it.',
  ),
} as const satisfies Record<string, ErrorSpec>;

export type ErrorCode = keyof typeof errorCodes;

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCodes, code);
}

export function scopeOf(code: ErrorCode): ErrorScope {
  return errorCodes[code].scope;
}

/** Whether the same request may succeed later, unchanged. */
export function isRetryable(code: ErrorCode): boolean {
  const { recovery }: ErrorSpec = errorCodes[code];
  return recovery === 'later';
}

export function needsPerson(code: ErrorCode): boolean {
  const { recovery }: ErrorSpec = errorCodes[code];
  return recovery === 'person';
}
