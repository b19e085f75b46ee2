/** The start of the engine in its worker, in bounded time. */

import type { WorkerChannel } from '../protocol/channel.js';
import { KeeptakeError } from '../base/errors.js';
import type { EngineSetup } from '../protocol/messages.js';
import { engineSetup } from './options.js';
import type { RecorderOptions, RecorderWarning } from '../base/types.js';

/** Of each try. The last one is longest: a slow network must bring two megabytes of engine in it. */
const START_TIMEOUTS_S = [10, 10, 40] as const;

/** Whatever keeps a worker or its threads from starting: fresh ones are tried, then a worker without threads. */
export async function startEngine(
  channel: WorkerChannel,
  options: RecorderOptions,
  setup: EngineSetup,
  warn: (warning: RecorderWarning) => void,
): Promise<void> {
  const limits = options.startTimeouts ?? START_TIMEOUTS_S;
  for (const [attempt, seconds] of limits.entries()) {
    const last = attempt === limits.length - 1;
    const single = last && attempt > 0 && setup.variant === 'threaded';
    const late = new KeeptakeError(
      'engine-load-failed',
      `The recording engine did not start within ${seconds} s, try ${attempt + 1} of ${limits.length}.`,
    );
    const asked = setUp(channel, single ? engineSetup({ ...options, variant: 'single-threaded' }) : setup);
    try {
      return await within(asked, seconds * 1000, late);
    } catch (error) {
      if (error !== late || last || channel.dead) throw error;
      channel.restart(late);
      const next = attempt + 2 === limits.length && setup.variant === 'threaded' ? 'with one thread' : 'again';
      warn({
        code: 'engine-restarted',
        message: `The recording engine did not start within ${seconds} s; it is tried ${next}.`,
      });
    }
  }
}

async function setUp(channel: WorkerChannel, setup: EngineSetup): Promise<unknown> {
  const threadPorts = channel.openThreads(setup.engineUrl, setup.poolThreads);
  return channel.ask('setup', { ...setup, threadPorts }, threadPorts);
}

/** What `promise` gives, or `late` once `ms` have passed. */
async function within<T>(promise: Promise<T>, ms: number, late: KeeptakeError): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const over = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late), ms);
  });
  try {
    await Promise.race([promise, over]);
  } finally {
    clearTimeout(timer);
    promise.catch(() => undefined);
  }
}
