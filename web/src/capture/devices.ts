/** Cameras, microphones and screens, with errors that say what happened and what to do. */

import { untilAborted } from '../base/abort.js';
import { deviceCode, errorName } from '../base/dom-errors.js';
import { KeeptakeError } from '../base/errors.js';

export interface CameraOptions {
  /**
   * From `navigator.mediaDevices.enumerateDevices()`: a text is that device and no other, `ideal` that one where it is
   * there; absent: the browser's choice; `false`: none.
   */
  videoDeviceId?: string | { ideal: string } | false;
  audioDeviceId?: string | { ideal: string } | false;
  width?: number;
  height?: number;
  frameRate?: number;
  /** Processing by the browser, for speech; music wants them off. Default: the browser's choice, mostly on. */
  echoCancellation?: boolean;
  noiseSuppression?: boolean;
  autoGainControl?: boolean;
  /** 1 or 2, where the microphone has them. Default: the browser's choice. */
  channelCount?: number;
  /** Ends the waiting for the person with `'aborted'`; what they allow later is closed at once. */
  signal?: AbortSignal;
}

/** What the browser's picker offers, as far as the browser knows of it; every field is a wish. */
export interface ScreenOptions {
  /** The kind that the picker shows first: a whole screen, a window, a tab. Default: the browser's choice. */
  prefer?: 'screen' | 'window' | 'tab';
  /** `false`: whole screens are not offered. Default true. */
  screens?: boolean;
  /** `true`: this page's own tab is offered, which shows itself in itself. Default false. */
  ownTab?: boolean;
  /** `false`: the shared surface cannot be changed for another tab while it is shared. Default true. */
  switching?: boolean;
  /** Sound of the shared tab, window or screen. Default true. */
  audio?: boolean;
  /** `false`: the sound of the whole machine is not offered with a screen, only a tab's own. Default true. */
  systemAudio?: boolean;
  /** Default 30. */
  frameRate?: number;
  /** As {@link CameraOptions.signal}. */
  signal?: AbortSignal;
}

/**
 * Opens camera and microphone.
 * @throws {KeeptakeError} `'permission-denied'`, `'no-device'`, `'device-busy'`, `'bad-argument'` where neither was asked for,
 * `'unsupported-browser'`, `'aborted'`
 */
export async function openCamera(options: CameraOptions = {}): Promise<MediaStream> {
  const { videoDeviceId, audioDeviceId, width = 1280, height = 720, frameRate = 30 } = options;
  const device = (id: string | { ideal: string } | undefined): MediaTrackConstraints =>
    typeof id === 'object' ? { deviceId: id } : id ? { deviceId: { exact: id } } : {};
  const { echoCancellation, noiseSuppression, autoGainControl, channelCount } = options;
  const asked = { echoCancellation, noiseSuppression, autoGainControl, channelCount };
  const processing = Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined));
  const size = { width: { ideal: width }, height: { ideal: height }, frameRate: { ideal: frameRate } };
  const wish = {
    video: videoDeviceId === false ? false : { ...device(videoDeviceId), ...size },
    audio: audioDeviceId === false ? false : { ...device(audioDeviceId), ...processing },
  };
  const what = audioDeviceId === false ? 'camera' : videoDeviceId === false ? 'microphone' : 'camera or microphone';
  return openDevices(wish, what, options.signal);
}

/**
 * Lets the person pick a screen, window or tab, with its sound where the browser offers that.
 * @throws {KeeptakeError} as {@link openCamera}; `'permission-denied'` where the picker was closed
 */
export async function openScreen(options: ScreenOptions = {}): Promise<MediaStream> {
  const {
    prefer,
    screens = true,
    ownTab = false,
    switching = true,
    audio = true,
    systemAudio = true,
    frameRate = 30,
  } = options;
  const include = (wanted: boolean): 'include' | 'exclude' => (wanted ? 'include' : 'exclude');
  const surface = { screen: 'monitor', window: 'window', tab: 'browser' } as const;
  return open('screen', options.signal, () =>
    mediaDevices().getDisplayMedia({
      video: { frameRate: { ideal: frameRate }, ...(prefer ? { displaySurface: surface[prefer] } : {}) },
      audio,
      selfBrowserSurface: include(ownTab),
      surfaceSwitching: include(switching),
      // Browsers refuse a wish for screens together with their exclusion.
      ...(screens ? {} : { monitorTypeSurfaces: 'exclude' }),
      ...(audio ? { systemAudio: include(systemAudio) } : {}),
    } as DisplayMediaStreamOptions),
  );
}

/** Opens what `wish` says in the browser's own terms; `what` is its name in errors. @throws as {@link openCamera} */
export function openDevices(
  wish: MediaStreamConstraints,
  what: string,
  signal?: AbortSignal,
  devices: Pick<MediaDevices, 'getUserMedia'> | null = null,
): Promise<MediaStream> {
  return open(what, signal, () => (devices ?? mediaDevices()).getUserMedia(wish));
}

function mediaDevices(): MediaDevices {
  const devices = globalThis.navigator?.mediaDevices as MediaDevices | undefined;
  if (!devices)
    throw new KeeptakeError(
      'unsupported-browser',
      'This page cannot use cameras: browsers allow that only on https:// and on localhost.',
    );
  return devices;
}

async function open(
  what: string,
  signal: AbortSignal | undefined,
  ask: () => Promise<MediaStream>,
): Promise<MediaStream> {
  try {
    return await untilAborted(ask, signal, (late) => late.getTracks().forEach((track) => track.stop()));
  } catch (cause) {
    if (cause instanceof KeeptakeError) throw cause;
    throw new KeeptakeError(deviceCode(cause) ?? 'unsupported-browser', sentence(what, cause), { cause });
  }
}

function sentence(what: string, cause: unknown): string {
  switch (deviceCode(cause)) {
    case 'permission-denied':
      return errorName(cause) === 'InvalidStateError'
        ? `The browser lets a page ask for the ${what} only after a click.`
        : `The browser was not allowed to use the ${what}. Allow it in the address bar, then try again.`;
    case 'no-device':
      return `No ${what} was found. Connect one, then try again.`;
    case 'device-busy':
      return `The ${what} cannot be read: another program may be using it.`;
    case 'bad-argument':
      return `Nothing that a ${what} could give was asked for: ${String(cause)}`;
    default:
      return `The ${what} could not be opened: ${String(cause)}`;
  }
}
