/** Watches one source's sound from the page: tracks that come and go, are muted or end, contexts that stop. */

import { SourceSound, type SoundContexts } from './sound.js';
import { isDevice } from './source-tracks.js';
import type { AudioState } from '../base/types.js';

/** A track is muted for a moment when it begins, and when a device is changed. */
const MUTED_LOOKS = 2;
const MAX_REPAIRS = 3;

export interface SoundEvents {
  /** The source's sound comes through this port from now on; null: it has none. */
  onSound: (port: MessagePort | null) => void;
  onState: (state: AudioState) => void;
  /** A sentence for the host about sound that is not recorded. */
  onLeftOut: (reason: string) => void;
}

export class SoundWatch {
  readonly #contexts: SoundContexts;
  /** The source's sound tracks at this moment. */
  readonly #tracks: () => MediaStreamTrack[];
  readonly #events: SoundEvents;
  #sound: SourceSound | null = null;
  /** As the worker tells it, of the blocks that arrive. */
  #blocks: 'live' | 'silent' | 'stalled' = 'live';
  #state: AudioState = 'none';
  #had = false;
  #mutedLooks = 0;
  #repairs = 0;
  #changing = false;
  #closed = false;

  constructor(contexts: SoundContexts, tracks: () => MediaStreamTrack[], events: SoundEvents) {
    this.#contexts = contexts;
    this.#tracks = tracks;
    this.#events = events;
  }

  get state(): AudioState {
    return this.#state;
  }

  /** Opens what there is; answers with the port for the worker, null without sound. */
  async open(): Promise<MessagePort | null> {
    const tracks = this.#live();
    if (tracks.length === 0) return null;
    const sound = await SourceSound.open(this.#contexts, tracks);
    if (this.#closed) sound.close();
    else this.#use(sound, tracks);
    return sound.port;
  }

  /** What the worker has found. */
  told(blocks: 'live' | 'silent' | 'stalled'): void {
    this.#blocks = blocks;
    this.look();
  }

  /** To be called about twice a second: scripts that add or remove a track cause no event. */
  look(): void {
    if (this.#closed || this.#changing) return;
    const live = this.#live();
    if (!this.#sound ? live.length > 0 : live.length === 0) return void this.#change();
    const known = this.#sound?.tracks ?? [];
    if (known.length !== live.length || live.some((track) => !known.includes(track))) this.#mix(live);
    this.#mutedLooks = live.length > 0 && live.every(({ muted }) => muted) ? this.#mutedLooks + 1 : 0;
    this.#setState(this.#judge(live));
  }

  close(): void {
    this.#closed = true;
    this.#sound?.close();
    this.#sound = null;
  }

  #live(): MediaStreamTrack[] {
    return this.#tracks().filter(({ readyState }) => readyState === 'live');
  }

  #use(sound: SourceSound, tracks: MediaStreamTrack[]): void {
    this.#sound = sound;
    this.#had = true;
    this.#blocks = 'live';
    sound.onBroken = () => {
      if (this.#sound !== sound) return;
      sound.close();
      this.#sound = null;
      this.#setState('stalled');
      if (++this.#repairs > MAX_REPAIRS) this.#events.onLeftOut('its sound cannot be read by this browser');
    };
    this.#mix(tracks);
    this.#setState(this.#judge(tracks));
  }

  /** Opens sound where there was none, or lets go of the last. */
  async #change(): Promise<void> {
    if (this.#repairs > MAX_REPAIRS) return;
    this.#changing = true;
    try {
      if (this.#sound) {
        this.#sound.close();
        this.#sound = null;
        this.#events.onSound(null);
        this.#setState(this.#judge([]));
        return;
      }
      const port = await this.open();
      if (!this.#closed && port) this.#events.onSound(port);
    } catch (error) {
      this.#repairs = MAX_REPAIRS + 1;
      this.#events.onLeftOut(`its sound cannot be read: ${error instanceof Error ? error.message : String(error)}`);
      this.#setState('stalled');
    } finally {
      this.#changing = false;
    }
  }

  #mix(tracks: MediaStreamTrack[]): void {
    const left = this.#sound?.setTracks(tracks) ?? [];
    const news = left.filter((track) => !this.#leftOut.has(track));
    for (const track of news) this.#leftOut.add(track);
    if (news.length > 0)
      this.#events.onLeftOut(
        `"${news.map(({ label }) => label).join('", "')}" has another rate than its other sound and is left out`,
      );
  }
  readonly #leftOut = new WeakSet<MediaStreamTrack>();

  #judge(live: MediaStreamTrack[]): AudioState {
    if (live.length === 0) return this.#had || this.#tracks().length > 0 ? 'ended' : 'none';
    if (live.every(({ enabled }) => !enabled)) return 'off';
    if (this.#mutedLooks >= MUTED_LOOKS) return 'muted';
    if (this.#sound?.running === false && this.#blocks !== 'live') return 'held-back';
    // A tab or a remote person may have nothing to say for long; a microphone always hears something.
    if (this.#blocks === 'silent' && !live.some(isDevice)) return 'live';
    return this.#blocks;
  }

  #setState(state: AudioState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#events.onState(state);
  }
}
