/**
 * The devices of the person at the desk: which ones are wished for, how the microphone is treated, and the way from a
 * wish to open tracks. One for each recorder, shared by every element that opens a camera or microphone.
 */

import { openCamera } from 'keeptake';
import type { RecorderStore } from './store.js';

/** Kinds of `MediaDeviceInfo` that a person chooses. */
export type OwnKind = 'videoinput' | 'audioinput';

/** A device as it was when it was chosen; the label is kept to name it while it is not there. */
export interface DeviceWish {
  id: string;
  label: string;
}

/** What the browser does to a microphone. Speech wants the first three, music none of them. */
export interface SoundWishes {
  echoCancellation: boolean;
  noiseSuppression: boolean;
  autoGainControl: boolean;
  /** Two channels, where the microphone has them; most browsers give one while they cancel echo. */
  stereo: boolean;
}

/** Null: none was chosen, the browser's own choice is taken. */
export interface OwnWishes {
  camera: DeviceWish | null;
  microphone: DeviceWish | null;
  /** Where tests are played. */
  output: DeviceWish | null;
  sound: SoundWishes;
}

/** How a microphone is treated unless the person says otherwise: for speech. */
export const SPEECH: SoundWishes = {
  echoCancellation: true,
  noiseSuppression: true,
  autoGainControl: true,
  stereo: false,
};

const owns = new WeakMap<RecorderStore, OwnSource>();

/** The wishes of a recorder's host; the same object for every caller. */
export function ownSourceOf(store: RecorderStore): OwnSource {
  let own = owns.get(store);
  if (own === undefined) {
    own = new OwnSource();
    owns.set(store, own);
  }
  return own;
}

/** See {@link ownSourceOf}. */
export class OwnSource {
  wishes: OwnWishes = { camera: null, microphone: null, output: null, sound: SPEECH };
  #listeners = new Set<(wishes: OwnWishes) => void>();

  /** Changes some of the wishes; what is open already stays as it is. */
  wish(patch: Partial<OwnWishes>): void {
    this.wishes = { ...this.wishes, ...patch };
    for (const listener of this.#listeners) {
      listener(this.wishes);
    }
  }

  /** Adds a listener; the returned function removes it. */
  subscribe(listener: (wishes: OwnWishes) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The device of that kind that was chosen last; null: none. */
  wishOf(kind: OwnKind): DeviceWish | null {
    return kind === 'videoinput' ? this.wishes.camera : this.wishes.microphone;
  }
}

/** For each kind: not that one, the wished device, or the device with this id and no other. */
export interface OwnChoice {
  video?: boolean | string;
  audio?: boolean | string;
}

/**
 * Opens the person's devices. The wished one is asked for as the only one where it is among the `devices`, else as
 * the preferred one: before the browser tells which ones there are, and where it is not there.
 * @throws {KeeptakeError} as `openCamera`
 */
export function openOwn(
  store: RecorderStore | null,
  { video = false, audio = false }: OwnChoice,
  devices: readonly MediaDeviceInfo[] = [],
): Promise<MediaStream> {
  const own = store === null ? null : ownSourceOf(store);
  return openCamera({
    ...(store?.recorder.canvasSize ?? {}),
    videoDeviceId: deviceFor(own, 'videoinput', video, devices),
    audioDeviceId: deviceFor(own, 'audioinput', audio, devices),
    ...(audio === false ? {} : processing(own?.wishes.sound)),
  });
}

function deviceFor(
  own: OwnSource | null,
  kind: OwnKind,
  choice: boolean | string,
  devices: readonly MediaDeviceInfo[],
): string | { ideal: string } | false | undefined {
  const wished = own?.wishOf(kind)?.id;
  if (choice !== true || wished === undefined) {
    return choice === true ? undefined : choice;
  }
  return devices.some((d) => d.kind === kind && d.deviceId === wished) ? wished : { ideal: wished };
}

function processing({
  stereo,
  ...browser
}: SoundWishes = SPEECH): Omit<SoundWishes, 'stereo'> & { channelCount?: number } {
  return { ...browser, ...(stereo ? { channelCount: 2 } : {}) };
}

/** The first track of a kind that the source holds, live or not. */
export function trackOf(store: RecorderStore | null, sourceId: string, kind: OwnKind): MediaStreamTrack | null {
  const stream = store?.media.get(sourceId)?.stream;
  const tracks = kind === 'videoinput' ? stream?.getVideoTracks() : stream?.getAudioTracks();
  return tracks?.[0] ?? null;
}

/** The source's other live tracks, with a fresh one in place of the kind's. */
export function streamWith(
  store: RecorderStore | null,
  sourceId: string,
  kind: OwnKind,
  fresh: MediaStreamTrack[],
): MediaStream {
  const other = trackOf(store, sourceId, kind === 'videoinput' ? 'audioinput' : 'videoinput');
  return new MediaStream([...fresh, ...(other !== null && other.readyState === 'live' ? [other] : [])]);
}

/** Names of wished devices that the browser does not list now; unknown, so none, before it tells names at all. */
export function missingWishes(own: OwnSource, devices: readonly MediaDeviceInfo[]): string[] {
  const gone = (kind: OwnKind): DeviceWish[] => {
    const wish = own.wishOf(kind);
    const listed = devices.filter((d) => d.kind === kind);
    const named = listed.some((d) => d.deviceId !== '');
    return wish !== null && named && !listed.some((d) => d.deviceId === wish.id) ? [wish] : [];
  };
  return [...gone('videoinput'), ...gone('audioinput')].map((wish) => wish.label || 'A chosen device');
}

/** The track treats its sound as wished, as far as the browser says. */
function isAsWished(track: MediaStreamTrack, sound: SoundWishes): boolean {
  const now = track.getSettings();
  const differs = (has: boolean | string | undefined, wish: boolean): boolean =>
    has !== undefined && (has !== false) !== wish;
  return !(
    differs(now.echoCancellation, sound.echoCancellation) ||
    differs(now.noiseSuppression, sound.noiseSuppression) ||
    differs(now.autoGainControl, sound.autoGainControl) ||
    (sound.stereo && now.channelCount === 1)
  );
}

/**
 * Treats an open microphone as wished: the track itself where the browser can, else a fresh one of the same device.
 * Null: the track is right now. A fresh track is the caller's to use or stop; the old one may have ended by then.
 * @throws {KeeptakeError} as `openCamera`
 */
export async function retuned(store: RecorderStore, track: MediaStreamTrack): Promise<MediaStreamTrack | null> {
  const { sound } = ownSourceOf(store).wishes;
  await track.applyConstraints(processing(sound)).catch(() => undefined);
  if (isAsWished(track, sound)) {
    return null;
  }
  const { deviceId } = track.getSettings();
  const open = async (): Promise<MediaStreamTrack | null> => {
    const media = await openOwn(store, { audio: deviceId ?? true });
    return media.getAudioTracks()[0] ?? null;
  };
  const beside = await open();
  if (beside === null || isAsWished(beside, sound)) {
    return beside;
  }
  // Chromium treats a device in one way as long as it is open anywhere in the page: it has to be let go of first.
  beside.stop();
  track.stop();
  return open();
}
