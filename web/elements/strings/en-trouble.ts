/** What to tell when something fails, in English: by the codes of errors and warnings. */

/** What happened, what is safe, what to do; `idleTodo`: to do where no take is running. */
export interface Trouble {
  what: string;
  safe?: string;
  todo: string;
  idleTodo?: string;
}

/** Of a take that runs, or could. */
export const trouble = {
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
    todo: 'A device that was unplugged is taken again when it is back. Or choose another one under People, or remove it.',
  },
  'sound-ended': {
    what: 'A microphone has ended.',
    safe: 'Its picture is still recorded.',
    todo: 'Plug it in again: it is taken by itself. Or choose another microphone under People.',
  },
  'source-recovered': { what: 'Its picture is back.', safe: '', todo: '' },
  'source-stalled': {
    what: 'A source sends no new pictures.',
    safe: 'Its last picture stays.',
    todo: 'It comes back by itself; if not, add it again.',
  },
  'no-tracks': {
    what: 'That has neither picture nor sound.',
    safe: 'Nothing else changed.',
    todo: 'Choose another camera, screen or file.',
  },
  'server-unreachable': {
    what: 'The server does not answer.',
    todo: 'Start the server again; keep this page open and uploading goes on.',
    idleTodo: 'Start the server again.',
  },
  'server-error': { what: 'The server reported an error.', todo: 'Try again in a moment.' },
  'upload-failed': {
    what: 'The take could not be stored.',
    safe: 'What was already stored is kept on the server. The rest is on this machine.',
    todo: 'Check the server and its free space, then press New take: the take can be salvaged.',
  },
  'upload-retrying': {
    what: 'The store does not answer.',
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
    todo: 'Close other programs, or choose a smaller picture in Settings.',
  },
  'limit-near': { what: 'The take is close to its longest allowed length.', todo: 'Come to the end.' },
  'limit-reached': {
    what: 'The take reached its longest allowed length.',
    safe: 'It was ended cleanly and is kept.',
    todo: 'Start a new take to go on.',
  },
  'capture-fallback': { what: 'This browser captures in a slower way.', todo: 'Keep this tab visible.' },
  unauthorized: {
    what: 'The server does not take this page’s token any more: it has expired or was withdrawn.',
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
  'engine-failed': {
    what: 'The recording engine stopped.',
    safe: 'What was already stored is kept on the server.',
    todo: 'Start a new take.',
  },
  'unsupported-browser': {
    what: 'This browser cannot record here.',
    safe: 'Nothing was being recorded.',
    todo: 'Use a current Chromium, Firefox or Safari.',
  },
} satisfies Record<string, Trouble>;

/** What differs from these while a take is being salvaged: nothing is recorded now, and nothing is at risk. */
export const salvaging = {
  'server-unreachable': {
    what: 'The server does not answer.',
    safe: 'Nothing is lost: all of it stays where it is.',
    todo: 'Try again when it is back, or download what is here.',
  },
  'server-error': {
    what: 'The server reported an error.',
    safe: 'Nothing is lost: all of it stays where it is.',
    todo: 'Try again in a moment, or download what is here.',
  },
  'upload-failed': {
    what: 'The take could not be stored.',
    safe: 'What is on this machine stays here.',
    todo: 'Try again, or download what is here.',
  },
  unauthorized: {
    what: 'The server does not take this page’s token: it has expired, was withdrawn, or there is none.',
    safe: 'Nothing is lost: all of it stays where it is.',
    todo: 'Reload the page and sign in if you are asked, then salvage the take; or download what is here.',
  },
  forbidden: {
    what: 'This account may not finish the take.',
    safe: 'Nothing is lost: all of it stays where it is.',
    todo: 'Ask the owner for access, or download what is here.',
  },
  'not-found': {
    what: 'The server does not have this take any more.',
    safe: 'What is on this machine stays here.',
    todo: 'Download what is here and keep the file: it may be the only copy.',
  },
  'other-server': {
    what: 'This take was recorded for another server or another account.',
    safe: 'Nothing is lost: all of it stays where it is.',
    todo: 'Salvage it on the page that it was recorded for, or download what is here.',
  },
  'storage-unavailable': {
    what: 'The browser does not open its storage now.',
    safe: 'Nothing is lost: all of it stays where it is.',
    todo: 'Close other tabs of this page, then try again.',
  },
  'engine-load-failed': {
    what: 'The recording engine could not be loaded.',
    safe: 'Nothing is lost: all of it stays where it is.',
    todo: 'Check the connection, then try again.',
  },
  'engine-failed': {
    what: 'The take could not be put together.',
    safe: 'Nothing is lost: all of it stays where it is.',
    todo: 'Try again, or download what is here.',
  },
} satisfies Record<string, Trouble>;

/** Of devices that could not be opened. */
export const media = {
  safe: 'Nothing else changed.',
  devices: {
    camera: 'camera',
    microphone: 'microphone',
    'camera and microphone': 'camera and microphone',
    screen: 'screen',
  },
  screenDenied: 'The screen is not shared.',
  screenDeniedTodo: 'Press Share screen again and pick a screen, window or tab.',
  denied: (device: string) => `The browser does not allow the ${device}.`,
  deniedTodo: 'Allow it with the icon in the address bar, then try again. A guest works without it.',
  none: (device: string) => `No ${device} was found.`,
  noneTodo: 'Connect one and try again, or add a guest instead.',
  busy: (device: string) => `The ${device} is in use or does not start.`,
  busyTodo: 'Close other programs that use it, then try again.',
  failed: (device: string) => `The ${device} could not be opened.`,
  failedTodo: 'Try again, or choose another one.',
  insecureTodo: 'Open this page through https or on localhost.',
};

/** Sentences that are put together with those above. */
export const taking = {
  kept: 'What is recorded is kept on this machine until it is stored.',
  nothingRuns: 'No take is running, so nothing is lost.',
  goesOn: 'The take goes on.',
  tokenMissing: 'The server asks for a token, and this page has none.',
  tokenExpired: 'The token of this page has expired.',
  tokenUnknown: 'The server does not know the token of this page: it is wrong, or was deleted.',
  tokenForbidden: 'The token of this page does not allow this.',
};
