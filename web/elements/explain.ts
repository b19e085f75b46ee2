/** What to tell a person when something fails: what happened, what is safe, what to do. */

import type { TakeState } from 'keeptake';
import { languageOf, type Language, type Strings } from './strings.js';
import type { Trouble } from './strings/en-trouble.js';

/** Three short parts of a message. */
export interface Explanation {
  what: string;
  safe: string;
  todo: string;
}

/** A kind of device a person is asked for. */
export type DeviceKind = 'camera' | 'microphone' | 'camera and microphone' | 'screen';

type Code = keyof Strings['trouble'];

/** Of these, what is recorded waits on this machine. */
const KEPT: ReadonlySet<string> = new Set<Code>([
  'server-unreachable',
  'server-error',
  'upload-retrying',
  'backlog',
  'unauthorized',
]);
/** After these the take goes on. */
const GOES_ON: ReadonlySet<string> = new Set<Code>([
  'source-ended',
  'sound-ended',
  'source-stalled',
  'governor',
  'limit-near',
  'capture-fallback',
]);

/** Explains an error or warning by its code; an unknown one keeps its own message. */
export function explain(
  code: string,
  message: string,
  state: TakeState['state'],
  language: Language = languageOf(),
): Explanation {
  const { trouble, taking } = language.words;
  const idle = state === 'setup' || state === 'loading' || state === 'stopped';
  const known: Trouble | undefined = Object.hasOwn(trouble, code) ? trouble[code as Code] : undefined;
  if (known === undefined) {
    const live = state === 'recording' || state === 'paused';
    return { what: message, safe: live ? taking.goesOn : '', todo: '' };
  }
  const { safe = '', todo, idleTodo = todo } = known;
  const parts = [
    KEPT.has(code) ? (idle ? taking.nothingRuns : taking.kept) : safe,
    GOES_ON.has(code) && !idle && state !== 'failed' ? taking.goesOn : '',
  ];
  return {
    what: (code === 'unauthorized' ? tokenTrouble(message, language) : null) ?? known.what,
    safe: parts.filter((part) => part !== '').join(' '),
    todo: idle ? idleTodo : todo,
  };
}

/** What is wrong with the token, as the sentences of the package and of the server tell it; null: they do not. */
function tokenTrouble(message: string, { words: { taking } }: Language): string | null {
  const told: readonly [RegExp, string][] = [
    [/token is needed|gives none|gave no token/i, taking.tokenMissing],
    [/has expired\./i, taking.tokenExpired],
    [/not know/i, taking.tokenUnknown],
    [/does not allow/i, taking.tokenForbidden],
  ];
  return told.find(([pattern]) => pattern.test(message))?.[1] ?? null;
}

/** Explains why `openCamera` or `openScreen` gave nothing, by the code of its error. */
export function explainMedia(error: unknown, device: DeviceKind, language: Language = languageOf()): Explanation {
  const { media } = language.words;
  const { safe } = media;
  const name = media.devices[device];
  switch (error instanceof Error && 'code' in error ? error.code : '') {
    case 'permission-denied':
      return device === 'screen'
        ? { what: media.screenDenied, safe, todo: media.screenDeniedTodo }
        : { what: media.denied(name), safe, todo: media.deniedTodo };
    case 'no-device':
      return { what: media.none(name), safe, todo: media.noneTodo };
    case 'device-busy':
      return { what: media.busy(name), safe, todo: media.busyTodo };
    default:
      return { what: media.failed(name), safe, todo: navigator.mediaDevices ? media.failedTodo : media.insecureTodo };
  }
}
