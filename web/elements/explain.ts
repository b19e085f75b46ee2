/** What to tell a person when something fails: what happened, what is safe, what to do. */

import type { TakeState } from 'keeptake';

/** Three short parts of a message. */
export interface Explanation {
  what: string;
  safe: string;
  todo: string;
}

/** A kind of device a person is asked for. */
export type DeviceKind = 'camera' | 'microphone' | 'camera and microphone' | 'screen';

/** What is told of a code; what holds only while a take runs is told only then. */
interface Entry {
  what: string;
  safe?: string;
  todo: string;
  /** What is recorded waits on this machine. */
  kept?: true;
  /** The take goes on. */
  goesOn?: true;
  /** Instead of `todo` where no take is running. */
  idleTodo?: string;
}

const KEPT = 'What is recorded is kept on this machine until it is stored.';
const NOTHING_RUNS = 'No take is running, so nothing is lost.';
const STORED = 'What was already stored is kept on the server.';
const GOES_ON = 'The take goes on.';

const BY_CODE: Record<string, Entry> = {
  'permission-denied': {
    what: 'The browser did not allow the camera, microphone or screen.',
    safe: 'Nothing else changed.',
    todo: 'Allow it in the address bar, then try again.',
  },
  'no-device': {
    what: 'There is no such device.',
    safe: 'Nothing else changed.',
    todo: 'Connect one, then try again.',
  },
  'device-busy': {
    what: 'Another program is using the device.',
    safe: 'Nothing else changed.',
    todo: 'Close that program, then try again.',
  },
  'source-ended': {
    what: 'A camera, microphone or shared screen has ended.',
    safe: 'Its last picture stays.',
    goesOn: true,
    todo: 'A device that was unplugged is taken again when it is back. Or choose another one under People, or remove it.',
  },
  'sound-ended': {
    what: 'A microphone has ended.',
    safe: 'Its picture is still recorded.',
    goesOn: true,
    todo: 'Plug it in again: it is taken by itself. Or choose another microphone under People.',
  },
  'source-recovered': { what: 'Its picture is back.', safe: '', todo: '' },
  'source-stalled': {
    what: 'A source sends no new pictures.',
    safe: 'Its last picture stays.',
    goesOn: true,
    todo: 'It comes back by itself; if not, add it again.',
  },
  'no-tracks': {
    what: 'That has neither picture nor sound.',
    safe: 'Nothing else changed.',
    todo: 'Choose another camera, screen or file.',
  },
  'server-unreachable': {
    what: 'The server does not answer.',
    kept: true,
    todo: 'Start the server again; keep this page open and uploading goes on.',
    idleTodo: 'Start the server again.',
  },
  'server-error': { what: 'The server reported an error.', kept: true, todo: 'Try again in a moment.' },
  'upload-failed': {
    what: 'The take could not be stored.',
    safe: `${STORED} The rest is on this machine.`,
    todo: 'Check the server and its free space, then press New take: the take can be salvaged.',
  },
  'upload-retrying': {
    what: 'The store does not answer.',
    kept: true,
    todo: 'Keep this page open: it is tried again.',
    idleTodo: '',
  },
  'upload-ended': {
    what: 'Somebody else ended the upload of this take, or the store lost it.',
    safe: 'Recording goes on into this browser’s storage alone.',
    todo: 'Stop when you can: the take is then a file on this machine, to be saved or salvaged.',
  },
  'title-cut': {
    what: 'The title is too long: the rest of it is left out.',
    safe: 'The take has its beginning as its title.',
    todo: 'Choose a shorter one if you like.',
  },
  'timeline-lost': {
    what: 'The server did not accept the timeline of this take.',
    safe: 'The take itself is stored whole.',
    todo: 'Save the scene from this page if you need it.',
  },
  'discard-failed': {
    what: 'A discarded take could not be removed from the server.',
    safe: 'The new take does not depend on it.',
    todo: 'Delete it in the list of recordings.',
  },
  'journal-full': {
    what: 'This machine has no space left for its copy of the take.',
    safe: 'What is sent is safe, and the take goes on.',
    todo: 'Keep this page open and the network up; free some disk space before the next take.',
  },
  'journal-unavailable': {
    what: 'This browser keeps no copy of the take on this machine.',
    safe: 'What is sent is safe, and the take goes on.',
    todo: 'Keep this page open until the take is saved; a private window may be the cause.',
  },
  backlog: {
    what: 'The take is recorded faster than it can be sent.',
    kept: true,
    todo: 'Keep this page open after Stop until it is saved, or choose a lower bitrate for the next take.',
  },
  'no-such-take': {
    what: 'This take is not on this machine any more.',
    safe: 'Another tab may have finished it or started over.',
    todo: 'Look under Recordings.',
  },
  'take-live': {
    what: 'This take is open in another tab.',
    safe: 'That tab keeps it.',
    todo: 'Go on there, or close that tab and try again.',
  },
  'take-damaged': {
    what: 'What is on this machine is damaged and cannot be put together.',
    safe: 'What was already stored is kept on the server.',
    todo: 'Download what is here; the server can finish what it has.',
  },
  'recovery-unavailable': {
    what: 'Unfinished takes on this machine could not be looked up.',
    safe: 'Nothing was deleted, and recording works.',
    todo: 'It is tried again by itself; close other tabs of this page, or reload it, if this stays.',
  },
  'upload-recovered': { what: 'Uploading goes on.', safe: 'Nothing was lost.', todo: '' },
  governor: {
    what: 'This machine is busy, so pictures are encoded with less effort.',
    goesOn: true,
    todo: 'Close other programs, or choose a smaller picture in Settings.',
  },
  'limit-near': { what: 'The take is close to its longest allowed length.', goesOn: true, todo: 'Come to the end.' },
  'limit-reached': {
    what: 'The take reached its longest allowed length.',
    safe: 'It was ended cleanly and is kept.',
    todo: 'Start a new take to go on.',
  },
  'capture-fallback': { what: 'This browser captures in a slower way.', goesOn: true, todo: 'Keep this tab visible.' },
  unauthorized: {
    what: 'The server does not take this page’s token any more: it has expired or was withdrawn.',
    kept: true,
    todo: 'Open this address in another tab and sign in there if you are asked: sending then goes on by itself. Do not reload this page.',
    idleTodo: 'Reload the page, and sign in if you are asked.',
  },
  'left-for-later': {
    what: 'The take was left for later.',
    safe: 'All of it is kept on this machine.',
    todo: 'Salvage or download it from the list of unfinished takes.',
  },
  forbidden: { what: 'This account may not record.', safe: 'Nothing was changed.', todo: 'Ask the owner for access.' },
  'recording-disabled': {
    what: 'Recording is turned off on this server.',
    safe: 'Nothing was changed.',
    todo: 'Set RECORDING_ENABLED=true, then start the server again.',
  },
  'engine-load-failed': {
    what: 'The recording engine could not be loaded.',
    safe: 'Nothing was being recorded.',
    todo: 'Check the connection and reload the page.',
  },
  'engine-failed': { what: 'The recording engine stopped.', safe: STORED, todo: 'Start a new take.' },
  'unsupported-browser': {
    what: 'This browser cannot record here.',
    safe: 'Nothing was being recorded.',
    todo: 'Use a current Chromium, Firefox or Safari.',
  },
};

/** Explains an error or warning by its code; an unknown one keeps its own message. */
export function explain(code: string, message: string, state: TakeState['state']): Explanation {
  const idle = state === 'setup' || state === 'loading' || state === 'stopped';
  const known = code === 'unauthorized' ? accessEntry(message) : BY_CODE[code];
  if (known === undefined) {
    const live = state === 'recording' || state === 'paused';
    return { what: message, safe: live ? GOES_ON : '', todo: '' };
  }
  const { what, safe = '', todo, kept, goesOn, idleTodo = todo } = known;
  const parts = [kept ? (idle ? NOTHING_RUNS : KEPT) : safe, goesOn && !idle && state !== 'failed' ? GOES_ON : ''];
  return { what, safe: parts.filter((part) => part !== '').join(' '), todo: idle ? idleTodo : todo };
}

/** What is wrong with the token, as the sentences of the package and of the server tell it. */
const TOKEN_TROUBLE: readonly [RegExp, string][] = [
  [/token is needed|gives none|gave no token/i, 'The server asks for a token, and this page has none.'],
  [/has expired\./i, 'The token of this page has expired.'],
  [/not know/i, 'The server does not know the token of this page: it is wrong, or was deleted.'],
  [/does not allow/i, 'The token of this page does not allow this.'],
];

function accessEntry(message: string): Entry | undefined {
  const entry = BY_CODE['unauthorized'];
  const what = TOKEN_TROUBLE.find(([pattern]) => pattern.test(message))?.[1];
  return entry !== undefined && what !== undefined ? { ...entry, what } : entry;
}

/** Explains why `openCamera` or `openScreen` gave nothing, by the code of its error. */
export function explainMedia(error: unknown, device: DeviceKind): Explanation {
  const safe = 'Nothing else changed.';
  switch (error instanceof Error && 'code' in error ? error.code : '') {
    case 'permission-denied':
      return device === 'screen'
        ? {
            what: 'The screen is not shared.',
            safe,
            todo: 'Press Share screen again and pick a screen, window or tab.',
          }
        : {
            what: `The browser does not allow the ${device}.`,
            safe,
            todo: 'Allow it with the icon in the address bar, then try again. A guest works without it.',
          };
    case 'no-device':
      return { what: `No ${device} was found.`, safe, todo: 'Connect one and try again, or add a guest instead.' };
    case 'device-busy':
      return {
        what: `The ${device} is in use or does not start.`,
        safe,
        todo: 'Close other programs that use it, then try again.',
      };
    default:
      return {
        what: `The ${device} could not be opened.`,
        safe,
        todo: navigator.mediaDevices
          ? 'Try again, or choose another one.'
          : 'Open this page through https or on localhost.',
      };
  }
}
