import { expect, test } from 'vitest';
import { leaveOnlyUseful } from './hive-environment.ts';

test('a hive that is started over SSH inherits the variables of account, drivers and downloads, and none of the login', () => {
  const useful = {
    HOME: '/root',
    PATH: '/bin',
    CUDA_VISIBLE_DEVICES: '1',
    https_proxy: 'http://proxy',
    RBEE_ENGINE_DIR: '/engine',
  };
  const login = {
    SSH_AUTH_SOCK: '/tmp/agent',
    SSH_CONNECTION: '1 2 3 4',
    DISPLAY: ':10',
    LC_SECRET: 'x',
    AWS_SECRET_ACCESS_KEY: 'x',
  };
  const env: NodeJS.ProcessEnv = { ...useful, ...login };
  leaveOnlyUseful(env);
  expect(env).toEqual(useful);
});
