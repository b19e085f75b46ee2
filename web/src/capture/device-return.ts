/**
 * Takes cameras and microphones again that were dropped and come back: unplugged and plugged in, a hub that lost its
 * power, a headset out of reach. The fresh track takes the lost one's place among its source's tracks; whoever follows
 * those finds it there.
 *
 * Only what was lost is opened, and only where the browser has told of a change since: a device that is listed all the
 * time was taken from the page by the person. One that the page has stopped is not lost.
 */

import { errorName } from '../base/dom-errors.js';
import { openDevices } from './devices.js';
import { isDevice, isScreen, type SourceTracks } from './source-tracks.js';

/** A device as it was known before it went, or as it is listed. */
export interface DeviceFacts {
  kind: 'audioinput' | 'videoinput';
  deviceId: string;
  groupId: string;
  label: string;
}

export interface Lost extends DeviceFacts {
  constraints: MediaTrackConstraints;
  /** It was not listed at some look since it went. */
  missing: boolean;
  /** The browser has told of a change of devices since. */
  changed: boolean;
  /** Others of its kind that were there without it, none of which is it under another id; null: nobody has looked yet. */
  known: Set<string> | null;
  tries: number;
  /** Not before; milliseconds of performance.now(). */
  nextTry: number;
  opening: boolean;
}

/** Between looks while something is lost: not every browser tells of every device. */
const LOOK_MS = 2000;
/** A device is listed before it can be opened. Doubled with each refusal. */
const RETRY_MS = 500;
const MAX_TRIES = 6;
/** Names under which a browser gives whatever the system has chosen at the moment. */
const CHOSEN_BY_SYSTEM: ReadonlySet<string> = new Set(['', 'default', 'communications']);

/**
 * The listed device that is the lost one: by its id; else one that has come since under the same name, or of the same
 * piece of hardware. `taken`: ids in use, which are other devices whatever they are called.
 */
export function findReturned<T extends DeviceFacts>(
  lost: Lost,
  listed: readonly T[],
  taken: ReadonlySet<string>,
): T | undefined {
  const same = listed.filter(({ kind }) => kind === lost.kind);
  const byName = ({ label }: T): boolean => label !== '' && label === lost.label;
  const byGroup = ({ groupId }: T): boolean => groupId !== '' && groupId === lost.groupId;
  const byId = same.find((device) => device.deviceId === lost.deviceId);
  if (byId && (!CHOSEN_BY_SYSTEM.has(byId.deviceId) || byName(byId) || byGroup(byId))) return byId;
  const come = same.filter(
    ({ deviceId }) => !CHOSEN_BY_SYSTEM.has(deviceId) && !lost.known?.has(deviceId) && !taken.has(deviceId),
  );
  return come.find((device) => byName(device) && byGroup(device)) ?? come.find(byName) ?? come.find(byGroup);
}

export class DeviceReturn {
  readonly #onReturned: () => void;
  readonly #followed = new Set<SourceTracks>();
  /** What is known of tracks while they live. */
  readonly #facts = new WeakMap<MediaStreamTrack, DeviceFacts & { constraints: MediaTrackConstraints }>();
  readonly #lost = new Map<MediaStreamTrack, Lost>();
  #devices: MediaDevices | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #searching = false;
  #again = false;
  #closed = false;

  /** `onReturned`: a fresh track stands in its source's place. */
  constructor(onReturned: () => void) {
    this.#onReturned = onReturned;
  }

  /** Follows a source's devices until the returned function is called. */
  follow(tracks: SourceTracks): () => void {
    this.#followed.add(tracks);
    this.look();
    return () => void this.#followed.delete(tracks);
  }

  /** To be called now and then: pages add tracks to a stream without a word. */
  look(): void {
    for (const tracks of this.#followed) for (const track of tracks.all()) this.#watch(track);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#devices?.removeEventListener('devicechange', this.#changed);
    this.#followed.clear();
    this.#lost.clear();
  }

  #watch(track: MediaStreamTrack): void {
    if (this.#facts.has(track) || track.readyState !== 'live' || !isDevice(track) || isScreen(track)) return;
    const { deviceId = '', groupId = '' } = track.getSettings();
    const kind = track.kind === 'audio' ? 'audioinput' : 'videoinput';
    this.#facts.set(track, { kind, deviceId, groupId, label: track.label, constraints: track.getConstraints() });
    if (!this.#devices) {
      this.#devices = (navigator as Partial<Navigator>).mediaDevices ?? null;
      this.#devices?.addEventListener('devicechange', this.#changed);
    }
    // A script's own `stop` causes no event.
    track.addEventListener('ended', () => this.#note(track), { once: true });
  }

  #note(track: MediaStreamTrack): void {
    const facts = this.#facts.get(track);
    if (!facts || this.#closed || !this.#wanted(track)) return;
    this.#lost.set(track, {
      ...facts,
      missing: false,
      changed: false,
      known: null,
      tries: 0,
      nextTry: 0,
      opening: false,
    });
    void this.#search();
  }

  readonly #changed = (): void => {
    for (const lost of this.#lost.values()) Object.assign(lost, { changed: true, tries: 0, nextTry: 0 });
    void this.#search();
  };

  /** Some source still has the lost track, and the page has not put the device there itself. */
  #wanted(track: MediaStreamTrack): boolean {
    const facts = this.#facts.get(track);
    return [...this.#followed].some(
      (tracks) =>
        tracks.has(track) &&
        !tracks.all().some((other) => {
          if (other === track || other.kind !== track.kind || other.readyState !== 'live') return false;
          const { label = '', deviceId = '' } = this.#facts.get(other) ?? {};
          return (
            other.kind === 'video' ||
            (label !== '' && label === facts?.label) ||
            (deviceId !== '' && deviceId === facts?.deviceId)
          );
        }),
    );
  }

  /** One search at a time; what changes meanwhile is looked at again. */
  async #search(): Promise<void> {
    this.#again = true;
    if (this.#searching) return;
    this.#searching = true;
    clearTimeout(this.#timer);
    while (this.#again && !this.#closed) {
      this.#again = false;
      for (const track of this.#lost.keys()) if (!this.#wanted(track)) this.#lost.delete(track);
      if (this.#lost.size > 0) await this.#searchOnce();
    }
    this.#searching = false;
    if (this.#lost.size > 0 && !this.#closed) this.#timer = setTimeout(() => void this.#search(), this.#pauseMs());
  }

  #pauseMs(): number {
    const now = performance.now();
    const due = [...this.#lost.values()].filter(({ nextTry }) => nextTry > now).map(({ nextTry }) => nextTry - now);
    return Math.min(LOOK_MS, ...due);
  }

  async #searchOnce(): Promise<void> {
    const listed = await this.#devices?.enumerateDevices().catch(() => null);
    if (!listed || this.#closed) return;
    const taken = this.#taken();
    for (const [track, lost] of this.#lost) {
      const devices = listed.filter(({ kind }) => kind === lost.kind) as (MediaDeviceInfo & DeviceFacts)[];
      lost.known ??= new Set(devices.flatMap(({ deviceId }) => (deviceId === lost.deviceId ? [] : [deviceId])));
      const device = findReturned(lost, devices, taken);
      if (!device) {
        lost.missing = true;
        lost.tries = lost.nextTry = 0;
        for (const { deviceId } of devices) lost.known.add(deviceId);
      } else if (
        !lost.opening &&
        lost.tries < MAX_TRIES &&
        performance.now() >= lost.nextTry &&
        (await this.#mayOpen(lost))
      ) {
        taken.add(device.deviceId);
        void this.#open(track, lost, device.deviceId);
      }
    }
  }

  #taken(): Set<string> {
    const live = [...this.#followed].flatMap((tracks) =>
      tracks.all().filter(({ readyState }) => readyState === 'live'),
    );
    return new Set(live.map((track) => this.#facts.get(track)?.deviceId ?? ''));
  }

  /** Nobody is asked for a device that only the person can have taken away. */
  async #mayOpen({ kind, missing, changed }: Lost): Promise<boolean> {
    if (!missing && !changed) return false;
    const name = (kind === 'audioinput' ? 'microphone' : 'camera') as PermissionName;
    const { permissions } = navigator as Partial<Navigator>;
    const state = await permissions?.query({ name }).then(
      (status) => status.state,
      () => null,
    );
    return state === 'granted' || (missing && state !== 'denied');
  }

  /** A person whom the browser asks takes as long as they like; whatever they say belongs to this loss. */
  async #open(track: MediaStreamTrack, lost: Lost, deviceId: string): Promise<void> {
    lost.opening = true;
    lost.tries++;
    try {
      const fresh = await this.#reopen(lost, deviceId);
      if (!fresh) return;
      if (this.#closed || this.#lost.get(track) !== lost || !this.#wanted(track)) return fresh.stop();
      this.#lost.delete(track);
      fresh.enabled = track.enabled;
      fresh.contentHint = track.contentHint;
      for (const tracks of this.#followed) if (tracks.has(track)) tracks.replace(track, fresh);
      this.look();
      this.#onReturned();
    } catch {
      lost.nextTry = performance.now() + RETRY_MS * 2 ** (lost.tries - 1);
    } finally {
      lost.opening = false;
      void this.#search();
    }
  }

  async #reopen({ kind, constraints }: Lost, deviceId: string): Promise<MediaStreamTrack | undefined> {
    const ask = async (wish: MediaTrackConstraints): Promise<MediaStreamTrack | undefined> => {
      const exact = { ...wish, deviceId: { exact: deviceId } };
      const what = kind === 'audioinput' ? 'microphone' : 'camera';
      const stream = await openDevices(
        what === 'microphone' ? { audio: exact } : { video: exact },
        what,
        undefined,
        this.#devices,
      );
      return stream.getTracks()[0];
    };
    // Of an id that is not its own any more.
    const { groupId: _, ...wish } = constraints;
    return ask(wish).catch((error: Error) => {
      if (errorName(error.cause) !== 'OverconstrainedError') throw error;
      return ask({});
    });
  }
}
