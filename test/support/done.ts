import { execFile } from 'node:child_process';

/** stdout of a program that ends well; anything else is an error with all that it said. */
export function done(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, args, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${[program, ...args].join(' ')}: ${stderr || error.message}`, { cause: error }));
    });
  });
}
