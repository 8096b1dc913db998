import { describe, expect, test } from 'vitest';
import { connectionFailure, scriptFailure } from './failure.ts';

const attic = { host: 'attic', port: 2222, user: 'me' };
const CHANGED = `@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!
The fingerprint for the ED25519 key sent by the remote host is
SHA256:FjuNjHduV1caf4ZOxBY3R7o4mrO4aDGkNXJUJm9l5v0.
Host key for 192.0.2.7 has changed and you have requested strict checking.
Host key verification failed.`;

/** Messages of OpenSSH 9.2. */
test.each([
  [
    'ssh: Could not resolve hostname attic: Name or service not known',
    'ssh_unreachable',
    'has a host name that cannot be resolved',
  ],
  ['ssh: connect to host attic port 2222: Connection refused', 'ssh_unreachable', 'refuses connections'],
  ['ssh: connect to host attic port 2222: Connection timed out', 'ssh_unreachable', 'timed out'],
  ['Connection timed out during banner exchange', 'ssh_unreachable', 'timed out'],
  ['Timeout, server attic not responding.', 'ssh_unreachable', 'timed out'],
  ['ssh: connect to host attic port 22: No route to host', 'ssh_unreachable', 'no route to host'],
  ['Host key verification failed.', 'ssh_host_key', 'has a host key that is not known yet'],
  [
    'No ED25519 host key is known for attic and you have requested strict checking.\nHost key verification failed.',
    'ssh_host_key',
    'has a host key that is not known yet',
  ],
  [CHANGED, 'ssh_host_key', 'a host key that differs from the known one: SHA256:FjuNjHduV1caf4ZOxBY3R7o4mrO4aDGkNXJUJm9l5v0'],
  [
    'me@attic: Permission denied (publickey,password).',
    'ssh_denied',
    'refuses the login: Permission denied (publickey,password).',
  ],
  [
    'Received disconnect from 192.0.2.7 port 22:2: Too many authentication failures',
    'ssh_denied',
    'Too many authentication failures',
  ],
  ['kex_exchange_identification: Connection closed by remote host', 'ssh_unreachable', 'failed: kex_exchange'],
  ['channel 0: open failed: connect failed: open failed', 'ssh_failed', 'runs no command: see MaxSessions'],
  [
    `${'REMOTE HOST IDENTIFICATION HAS CHANGED\n'.repeat(20)}me@attic: Permission denied (publickey).`,
    'ssh_denied',
    'refuses the login: Permission',
  ],
  ['', 'ssh_unreachable', 'The connection to me@attic:2222 was closed'],
])("ssh's message %j becomes an error with its code and a sentence", (words, code, says) => {
  const error = connectionFailure(words, attic);
  expect(error).toMatchObject({ code, retryable: code === 'ssh_unreachable' });
  expect(error.message).toContain('me@attic:2222');
  expect(error.message).toContain(says);
});

test("the fingerprint of a machine's host key is in the error when ssh prints it", () => {
  const words = 'debug1: Server host key: ssh-ed25519 SHA256:abc\ndebug1: Permission denied (x)\nHost key verification failed.\n';
  expect(connectionFailure(words, attic).message).toBe(
    'me@attic:2222 has a host key that is not known yet: ssh-ed25519 SHA256:abc',
  );
});

describe('the error of a failed script', () => {
  test('contains the last lines of its stderr', () => {
    const stderr = Array.from({ length: 20 }, (_, at) => `line ${at}`).join('\n');
    expect(scriptFailure({ status: 1, stderr }, attic).message).toMatch(/^On me@attic:2222: line 14\n[^]*line 19$/);
  });

  test('contains its exit status when its stderr is empty', () => {
    expect(scriptFailure({ status: 3, stderr: '\n' }, attic).message).toBe('On me@attic:2222: a command exited with status 3');
  });
});
