/** Audio contexts, nodes and worklets that sound nothing, with the refusals of real ones. */

import { vi } from 'vitest';

export interface AudioBehaviour {
  /** Of each microphone, Hz. A browser that mixes no rates refuses it in a context of another one. */
  rateOf: (track: MediaStreamTrack) => number;
  mixesRates: boolean;
  /** A context of no rate of its own gets this one. */
  defaultRate: number;
  state: AudioContextState;
  /** Loading the worklet takes so long. */
  loading: () => Promise<void>;
}

export class FakeAudio {
  readonly contexts: FakeContext[] = [];
  readonly taps: FakeTap[] = [];
  behaviour: AudioBehaviour = {
    rateOf: () => 48000,
    mixesRates: true,
    defaultRate: 44100,
    state: 'running',
    loading: () => Promise.resolve(),
  };

  /** Puts them where browsers have them. */
  stub(): this {
    const audio = this;
    vi.stubGlobal(
      'AudioContext',
      class extends FakeContext {
        constructor(options: AudioContextOptions) {
          super(options, audio.behaviour);
          audio.contexts.push(this);
        }
      },
    );
    vi.stubGlobal(
      'MediaStream',
      class {
        constructor(readonly tracks: MediaStreamTrack[]) {}
      },
    );
    vi.stubGlobal(
      'MediaStreamAudioSourceNode',
      class extends FakeNode {
        constructor(context: FakeContext, { mediaStream }: { mediaStream: { tracks: MediaStreamTrack[] } }) {
          super();
          const [track] = mediaStream.tracks;
          if (track && !audio.behaviour.mixesRates && audio.behaviour.rateOf(track) !== context.sampleRate)
            throw new DOMException(
              'Connecting AudioNodes from AudioContexts with different sample-rate is not supported',
              'NotSupportedError',
            );
        }
      },
    );
    vi.stubGlobal(
      'AudioWorkletNode',
      class extends FakeTap {
        constructor(context: FakeContext) {
          super(context);
          audio.taps.push(this);
        }
      },
    );
    return this;
  }
}

class FakeNode extends EventTarget {
  connected = 0;
  connect<T>(to: T): T {
    this.connected++;
    return to;
  }
  disconnect(): void {
    this.connected = 0;
  }
}

export class FakeTap extends FakeNode {
  readonly told: unknown[] = [];
  readonly port = { postMessage: (message: unknown): void => void this.told.push(message) };

  constructor(readonly context: FakeContext) {
    super();
  }
}

export class FakeContext extends EventTarget {
  readonly sampleRate: number;
  readonly destination = {};
  state: AudioContextState;
  resumed = 0;
  readonly audioWorklet: { addModule: () => Promise<void> };
  readonly #behaviour: AudioBehaviour;

  constructor({ sampleRate }: AudioContextOptions, behaviour: AudioBehaviour) {
    super();
    this.#behaviour = behaviour;
    this.sampleRate = sampleRate ?? behaviour.defaultRate;
    this.state = behaviour.state;
    this.audioWorklet = { addModule: () => this.#behaviour.loading() };
  }
  /** A browser that waits for a click resumes later. */
  resume(): Promise<void> {
    this.resumed++;
    if (this.#behaviour.state === 'running' && this.state !== 'closed') this.become('running');
    return Promise.resolve();
  }
  close(): Promise<void> {
    this.become('closed');
    return Promise.resolve();
  }
  become(state: AudioContextState): void {
    if (this.state === state) return;
    this.state = state;
    this.dispatchEvent(new Event('statechange'));
  }
}
