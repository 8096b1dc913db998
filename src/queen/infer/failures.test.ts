import { expect, test } from 'vitest';
import { errorCodes, errorScopes, JobError, needsPerson, type ErrorCode } from '../../contract/index.ts';
import { isHiveError } from '../../machines/install/install.ts';
import { wasMissed } from '../forward.ts';
import { hasNoWayIn } from '../handlers/install-remote.ts';
import { isNetworkError } from '../hives/remote-hive.ts';
import { isFailedStart } from '../placement/reservation.ts';
import { hasPeerEnded, isForAnyHive, isOfHive, mayComeBack, mayRunElsewhere } from './failures.ts';

/** The consequences of an error, a letter each, so that one row of the table shows all consequences of its code. */
const predicates: Readonly<Record<string, (error: JobError) => boolean>> = {
  /** Another place may serve the request. */
  E: mayRunElsewhere,
  /** The hive is left out, and not only the worker. */
  H: isOfHive,
  /** The hive may be back soon. */
  B: mayComeBack,
  /** A request that only waited there is tried again without being counted. */
  W: hasPeerEnded,
  /** No other hive would change the refusal. */
  A: ({ code }) => isForAnyHive(code),
  /** All that wait for the same worker fail with it. */
  S: isFailedStart,
  /** It lasts until a person acts. */
  P: ({ code }) => needsPerson(code),
  /** A job that the hive has not accepted is sent to it again. */
  M: wasMissed,
  /** It says nothing of whether the hive starts. */
  N: isNetworkError,
  /** An uninstall has no way in. */
  U: hasNoWayIn,
  /** An install fails because of the hive itself. */
  I: isHiveError,
};

function lettersOf(code: ErrorCode): string {
  const error = new JobError(code, code);
  return Object.entries(predicates)
    .map(([letter, holds]) => (holds(error) ? letter : '-'))
    .join('');
}

test('the scope and recovery of every error decide its consequences in placement, forwarding and installation', () => {
  const rows = (Object.keys(errorCodes) as ErrorCode[]).map((code) => `${code} ${lettersOf(code)}`);
  expect(rows).toMatchInlineSnapshot(`
    [
      "invalid_json -H--A-----I",
      "bad_request -H--A-----I",
      "missing_operation -H--A-----I",
      "unknown_operation -H--A-----I",
      "operation_not_supported -H--A-----I",
      "unsupported_media_type -H--A-----I",
      "body_too_large -H--A-----I",
      "invalid_input -H--A-----I",
      "idempotency_mismatch -H--A-----I",
      "unauthorized -H--A-----I",
      "forbidden_origin -H--A-----I",
      "not_found -H--A-----I",
      "job_not_found -H--A-----I",
      "job_already_ended -H--A-----I",
      "job_damaged E---------I",
      "too_many_jobs EH--A-----I",
      "event_limit -H--A-----I",
      "hive_not_found EH--AS----I",
      "hive_exists -H--A-----I",
      "hive_unreachable EHBW---MNU-",
      "hive_stopped EH----PM--I",
      "hive_not_installed EH----PM--I",
      "ssh_unreachable EHBW---MNU-",
      "ssh_host_key EH----PMNU-",
      "ssh_denied EH----PMNU-",
      "ssh_failed EH-----MN--",
      "machine_unsupported EH---S----I",
      "kit_failed EH---S----I",
      "install_failed EH---S-----",
      "no_room EH--------I",
      "hive_bad_response EH-----M--I",
      "queen_unreachable EHBW---MNU-",
      "queen_bad_response EH-----MNU-",
      "worker_unreachable E--W------I",
      "worker_bad_response E---------I",
      "worker_not_found E--W------I",
      "worker_died E--W------I",
      "request_killed_worker -H--A-----I",
      "worker_busy EH--A-----I",
      "worker_start_failed EH---S----I",
      "device_not_found EH--AS----I",
      "model_not_found EH--AS----I",
      "model_exists -H--A-----I",
      "model_in_use -H--A-----I",
      "model_protected -H--A-----I",
      "model_corrupt EH---S----I",
      "model_too_large EH---S----I",
      "checksum_mismatch EH---S----I",
      "download_failed EH---S----I",
      "model_gated EH---SP---I",
      "hub_unauthorized EH---SP---I",
      "hub_limited EH---S----I",
      "prompt_too_long -H--A-----I",
      "engine_failed -H--A-----I",
      "disk_full EH---SP---I",
      "output_failed EH---S----I",
      "port_taken EH---SP---I",
      "daemon_start_failed EH---S----I",
      "daemon_stop_failed EH---S----I",
      "version_mismatch EH----PM--I",
      "deadline_exceeded EH--------I",
      "shutting_down EHBW----N-I",
      "interrupted E--W------I",
      "cancelled -H--A------",
      "internal -H--------I",
    ]
  `);
});

test.each(errorScopes)('at least one error code has the scope %s', (scope) => {
  expect(Object.values(errorCodes).some((spec) => spec.scope === scope)).toBe(true);
});
