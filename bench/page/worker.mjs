// The module worker in which Chromium runs the programs, as it runs the engine.
import { runProgram } from './program.mjs';

self.onmessage = async ({ data: { id, url, args } }) => {
  try {
    self.postMessage({ id, output: await runProgram(url, args) });
  } catch (error) {
    self.postMessage({ id, error: String(error?.message ?? error) });
  }
};
