/**
 * A source's sound on the page: audio contexts that are kept running, and per source one tap in which all its sound
 * tracks are mixed. The tap's blocks go to the worker past the page's main thread.
 */

import { KeeptakeError } from '../base/errors.js';
import { isDevice } from './source-tracks.js';

/** The engine's own rate: where the browser resamples by itself, nothing is resampled twice. */
const RATE_HZ = 48000;
/** A page may hold some devices whose rates differ (Firefox); browsers allow only a handful of contexts. */
const MAX_CONTEXTS = 4;
const RESUME_WAIT_MS = 1000;

interface Clocked {
  /** Tells the worker whose sample counter a block was counted by. */
  id: number;
  context: AudioContext;
}

/** The audio contexts of one recorder: usually one; one for each rate where a browser mixes no rates. */
export class SoundContexts {
  readonly #workletUrl: string;
  readonly #opening = new Map<number, Promise<Clocked>>();
  readonly #running = new Set<AudioContext>();
  #lastId = 0;
  #closed = false;

  constructor(workletUrl: string) {
    this.#workletUrl = workletUrl;
  }

  /**
   * A node that gives the track's sound, in a context that can take it.
   * @throws {KeeptakeError} `'unsupported-browser'` where none can, `'engine-load-failed'` without the worklet
   */
  async connect(track: MediaStreamTrack): Promise<{ clocked: Clocked; node: AudioNode }> {
    const own = track.getSettings().sampleRate ?? 0;
    let refusal: unknown;
    // 0: the browser's own choice, which is what Firefox gives its microphones.
    for (const rate of new Set([RATE_HZ, own, 0])) {
      try {
        const clocked = await this.#context(rate);
        return { clocked, node: sourceNode(clocked.context, track) };
      } catch (error) {
        if (error instanceof KeeptakeError) throw error;
        refusal = error;
      }
    }
    throw new KeeptakeError(
      'unsupported-browser',
      `The browser cannot read the sound of "${track.label}": ${String(refusal)}`,
      {
        cause: refusal,
        context: { sampleRate: own },
      },
    );
  }

  /** Asks every context that does not run to go on; browsers may refuse that until the person has acted. */
  wake(): Promise<unknown> {
    const asleep = [...this.#running].filter(({ state }) => state !== 'running' && state !== 'closed');
    const awake = asleep.map((context) => context.resume().catch(() => undefined));
    return Promise.race([
      Promise.all(awake),
      new Promise((resolve) => setTimeout(resolve, asleep.length ? RESUME_WAIT_MS : 0)),
    ]);
  }

  async close(): Promise<void> {
    this.#closed = true;
    const all = await Promise.all([...this.#opening.values()].map((opening) => opening.catch(() => null)));
    await Promise.all(all.map((clocked) => clocked?.context.close().catch(() => undefined)));
  }

  #context(rate: number): Promise<Clocked> {
    if (this.#closed) throw new KeeptakeError('closed', 'The recorder is closed.');
    const known = this.#opening.get(rate);
    if (known !== undefined) return known;
    if (this.#opening.size >= MAX_CONTEXTS) throw new Error(`sound at ${rate} Hz would need a fifth audio context`);
    const opening = this.#open(rate);
    this.#opening.set(rate, opening);
    opening.catch(() => this.#opening.delete(rate));
    return opening;
  }

  async #open(rate: number): Promise<Clocked> {
    const context = newContext(rate);
    try {
      await context.audioWorklet.addModule(this.#workletUrl);
    } catch (cause) {
      void context.close().catch(() => undefined);
      throw new KeeptakeError('engine-load-failed', `The audio worklet could not be loaded from ${this.#workletUrl}.`, {
        cause,
        context: { url: this.#workletUrl },
      });
    }
    this.#running.add(context);
    // `suspended` by the browser or a page's script, `interrupted` by a call on a phone: sound is to go on.
    context.addEventListener('statechange', () => {
      if (!this.#closed && context.state !== 'running') void context.resume().catch(() => undefined);
    });
    void context.resume().catch(() => undefined);
    return { id: ++this.#lastId, context };
  }
}

/** The sound of one source. */
export class SourceSound {
  /** The worker's end of the tap. */
  readonly port: MessagePort;
  /** The tap broke and gives nothing more. */
  onBroken: () => void = () => undefined;
  readonly #clocked: Clocked;
  readonly #tap: AudioWorkletNode;
  readonly #inputs = new Map<MediaStreamTrack, () => void>();

  private constructor(clocked: Clocked) {
    this.#clocked = clocked;
    const { context } = clocked;
    this.#tap = new AudioWorkletNode(context, 'keeptake-tap', { numberOfInputs: 1, numberOfOutputs: 1 });
    const channel = new MessageChannel();
    this.#tap.port.postMessage({ port: channel.port1, context: clocked.id }, [channel.port1]);
    this.#tap.addEventListener('processorerror', () => this.onBroken());
    // A node is only run on the way to a destination; the tap gives silence.
    this.#tap.connect(context.destination);
    this.port = channel.port2;
  }

  /** @throws {KeeptakeError} as {@link SoundContexts.connect} */
  static async open(contexts: SoundContexts, tracks: MediaStreamTrack[]): Promise<SourceSound> {
    const [first, ...others] = tracks;
    if (!first) throw new KeeptakeError('no-tracks', 'There is no sound track.');
    const { clocked, node } = await contexts.connect(first);
    const sound = new SourceSound(clocked);
    sound.#add(first, node);
    sound.setTracks([first, ...others]);
    return sound;
  }

  get tracks(): MediaStreamTrack[] {
    return [...this.#inputs.keys()];
  }

  /** The context gives sound at this moment. */
  get running(): boolean {
    return this.#clocked.context.state === 'running';
  }

  /** Mixes exactly these tracks from now on; answers with those that cannot be mixed with the others. */
  setTracks(tracks: MediaStreamTrack[]): MediaStreamTrack[] {
    for (const [track, disconnect] of this.#inputs)
      if (!tracks.includes(track)) {
        disconnect();
        this.#inputs.delete(track);
      }
    return tracks.filter((track) => {
      if (this.#inputs.has(track)) return false;
      try {
        this.#add(track, sourceNode(this.#clocked.context, track));
        return false;
      } catch {
        return true; // Of another rate, in a browser that mixes none.
      }
    });
  }

  close(): void {
    this.setTracks([]);
    this.#tap.port.postMessage({ close: true });
    this.#tap.disconnect();
  }

  #add(track: MediaStreamTrack, node: AudioNode): void {
    node.connect(this.#tap);
    const letGo = isDevice(track) ? () => undefined : hold(track);
    this.#inputs.set(track, () => {
      node.disconnect();
      letGo();
    });
  }
}

/** Chromium decodes a remote person's sound only while an element plays it; one that is muted will do. */
function hold(track: MediaStreamTrack): () => void {
  const element = document.createElement('audio');
  element.muted = true;
  element.srcObject = new MediaStream([track]);
  void element.play().catch(() => undefined);
  return () => {
    element.pause();
    element.srcObject = null;
  };
}

function sourceNode(context: AudioContext, track: MediaStreamTrack): AudioNode {
  return new MediaStreamAudioSourceNode(context, { mediaStream: new MediaStream([track]) });
}

function newContext(rate: number): AudioContext {
  const options: AudioContextOptions = { latencyHint: 'interactive', ...(rate ? { sampleRate: rate } : {}) };
  try {
    // No speaker is wanted: the context only clocks the sound that is taken.
    return new AudioContext({ ...options, sinkId: { type: 'none' } } as AudioContextOptions);
  } catch {
    return new AudioContext(options);
  }
}
