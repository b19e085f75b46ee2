/** The keyboard focus is never lost: through every state, whatever vanishes after a person's action. */

import { userEvent } from 'vitest/browser';
import { expect, test, vi } from 'vitest';
import { focused } from '../../../web/elements/focus.js';
import { KeeptakeError } from '../../../web/src/base/errors.js';
import { FakeRecovery, unfinished } from '../fake-recovery.js';
import type { FakeRecorder } from '../fake-recorder.js';
import { button, fakeMedia, one, until } from './fixture.js';
import { open, recording, replies, session, shadow, type Studio } from './studio-page.js';

const now = (): FakeRecorder => (globalThis as unknown as { fakeRecorder: FakeRecorder }).fakeRecorder;

/** Where the focus is, for a failure's message. */
function place(): string {
  const at = focused();
  return at === null
    ? 'nowhere'
    : (at.getAttribute('aria-label') ?? at.textContent ?? at.localName).trim().slice(0, 40);
}

/** Lost: on the body, or on something that cannot be seen or used. */
async function kept(after: string): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 30));
  await until(() => {
    const at = focused();
    return at?.isConnected === true && at.checkVisibility() && !at.matches(':disabled');
  }, `the focus after ${after} (it is ${place()})`);
}

/** A person at the keyboard: the button has the focus when it is pressed. */
async function press(target: HTMLElement): Promise<void> {
  const name = (target.getAttribute('aria-label') ?? target.textContent ?? '').trim();
  target.focus();
  expect(focused(), `${name} can have the focus`).toBe(target);
  target.click();
  await kept(name);
}

async function pressEscape(from: string): Promise<void> {
  await userEvent.keyboard('{Escape}');
  await kept(`Escape of ${from}`);
}

const controls = (root: ShadowRoot): ShadowRoot => shadow(root, 'kt-controls');
const main = (root: ShadowRoot, name: string): Promise<void> =>
  until(() => controls(root).textContent?.includes(name) ?? false, name).then(() =>
    press(button(controls(root), name)),
  );

async function withHost(): Promise<Studio> {
  const studio = await open();
  await studio.recorder.addSource(fakeMedia(), { id: 'host', name: 'Host' });
  await studio.settled();
  return studio;
}

test('devices, guests and people: what is pressed may vanish', async () => {
  const { root, recorder, settled } = await open();
  const picker = shadow(root, 'kt-device-picker');
  await press(button(picker, 'Turn on camera and microphone'));
  await until(() => recorder.sources.length === 1, 'source');
  await kept('the camera is on');
  await press(button(shadow(root, 'studio-guests'), 'Test pattern'));
  await until(() => recorder.sources.length === 2, 'pattern');
  await kept('the pattern is there');
  const people = shadow(root, 'kt-sources-panel');
  await settled();
  await press(button(people, 'Mute Test pattern'));
  await press(button(people, 'More for Test pattern'));
  await settled();
  await press(button(people, 'Remove Test pattern'));
  await until(() => recorder.sources.length === 1, 'removed');
  await kept('Remove');
  await press(button(people, 'More for Host'));
  await settled();
  await press(button(people, 'Remove Host'));
  await until(() => recorder.sources.length === 0, 'nobody');
  await kept('the last one was removed');
  for (const tab of ['layout', 'background', 'hooks', 'people']) {
    await press(one(root, `#tab-${tab}`));
  }
});

test('the sound check, the keys and Settings give the focus back, closed either way', async () => {
  const { root, settled } = await withHost();
  const check = (): HTMLElement => one(shadow(root, 'studio-sound'), 'dialog.check');
  for (const way of ['Done', 'Close the sound check', '']) {
    await press(button(root, 'Sound check'));
    await settled();
    await (way === '' ? pressEscape('the sound check') : press(button(check(), way)));
    expect(place()).toBe('Sound check');
  }
  await press(button(root, 'Keys'));
  await press(button(shadow(root, 'studio-keys'), 'Close'));
  expect(place()).toBe('Keys');
  await press(button(root, 'Settings'));
  await pressEscape('Settings');
  await press(button(root, 'Settings'));
  const settings = shadow(root, 'studio-settings');
  one<HTMLSelectElement>(settings, '[name=codec]').value = 'vp8';
  const before = now();
  await press(button(settings, 'Save settings'));
  await until(() => now() !== before && now().state.state === 'setup', 'another recorder');
  await kept('the recorder was changed');
});

test('a countdown that is cancelled, by the button and by Escape', async () => {
  const { root, recorder } = await withHost();
  await main(root, 'Start Recording');
  await main(root, 'Cancel');
  await until(() => recorder.state.state === 'setup', 'setup');
  await kept('the countdown was cancelled');
  await main(root, 'Start Recording');
  await until(() => recorder.state.state === 'countdown', 'counting');
  await pressEscape('the countdown');
  await until(() => recorder.state.state === 'setup', 'setup again');
  await kept('Escape');
});

test('a take from Start to New take, with every way between', async () => {
  localStorage.setItem('keeptake.studio.settings', JSON.stringify({ countdown: 0 }));
  const { root, recorder, settled } = await withHost();
  await main(root, 'Start Recording');
  await until(() => recorder.state.state === 'recording', 'recording');
  await kept('recording began');
  await main(root, 'Pause');
  const paused = shadow(root, 'kt-paused-modal');
  await until(() => one<HTMLDialogElement>(paused, 'dialog').open, 'paused');
  await press(button(paused, 'Resume'));
  await until(() => recorder.state.state === 'recording', 'resumed');
  await kept('Resume');
  await main(root, 'Pause');
  await until(() => one<HTMLDialogElement>(paused, 'dialog').open, 'paused again');
  await pressEscape('the paused dialog');
  await main(root, 'Resume');
  await main(root, 'Restart');
  await press(button(one(controls(root), 'dialog'), 'Keep this take'));
  await main(root, 'Restart');
  await press(button(one(controls(root), 'dialog'), 'Discard the take'));
  await until(() => recorder.state.state === 'setup', 'restarted');
  await kept('Restart');
  await main(root, 'Start Recording');
  await until(() => recorder.state.state === 'recording', 'recording again');
  await settled();
  await press(button(controls(root), 'Stop'));
  await until(() => root.querySelector('kt-player') !== null, 'player');
  await kept('Stop');
  await press(button(root, 'New take'));
  await until(() => recorder.state.state === 'setup', 'next');
  await kept('New take');
});

test('what the engine and the store do by themselves takes no focus away', async () => {
  const { root, recorder, settled } = await withHost();
  recorder.setState({ state: 'recording' });
  recorder.pushStats();
  await settled();
  button(controls(root), 'Pause').focus();
  recorder.emit('warning', { code: 'upload-retrying', message: 'Held up.' });
  await settled();
  const banners = shadow(root, 'studio-banners');
  await press(one(banners, '.now'));
  await press(one(banners, '[aria-label=Dismiss]'));
  button(controls(root), 'Stop').focus();
  recorder.pushStats({ uploadState: 'waiting' });
  recorder.setState({ state: 'stopping', progress: 0.5 });
  await kept('the take is being saved');
  await press(button(controls(root), 'Try now'));
  recorder.pushStats({ uploadState: 'sending' });
  await kept('sending goes on');
  recorder.pushStats({ uploadState: 'waiting' });
  await settled();
  FakeRecovery.preset.takes = [];
  await press(button(controls(root), 'Download or finish later'));
  await until(() => recorder.state.state === 'setup', 'left for later');
  await kept('the take was left for later');
  recorder.setState({ state: 'recording' });
  await settled();
  button(controls(root), 'Stop').focus();
  recorder.setState({ state: 'failed', error: new KeeptakeError('engine-failed', 'It stopped.') });
  await kept('the engine failed');
  await main(root, 'New take');
});

test('questions at Start and troubles of the server', async () => {
  const { root, recorder, settled } = await withHost();
  const ask = (): HTMLDialogElement => one<HTMLDialogElement>(shadow(root, 'studio-sound'), 'dialog.ask');
  await recorder.setMuted('host', { audio: true });
  await settled();
  for (const way of ['Not yet', '', 'Unmute and record']) {
    await main(root, 'Start Recording');
    await until(() => ask().open, 'asked');
    await (way === '' ? pressEscape('the question') : press(button(ask(), way)));
  }
  await main(root, 'Cancel');
  await until(() => recorder.state.state === 'setup', 'setup');
  const trouble = shadow(root, 'studio-trouble');
  const fail = async (): Promise<void> => {
    recorder.failNext = { name: 'start', error: new KeeptakeError('server-unreachable', 'It is gone.') };
    await main(root, 'Start Recording');
    await until(() => trouble.querySelector('.trouble') !== null, 'trouble');
  };
  await fail();
  replies['GET session'] = { body: session };
  await press(button(trouble, 'Try again'));
  await until(() => trouble.querySelector('.trouble') === null, 'over');
  await kept('the trouble is over');
  await fail();
  await press(button(trouble, 'Record in this page only'));
  await until(() => trouble.querySelector('.trouble') === null, 'in this page');
  await kept('Record in this page only');
});

test('unfinished takes: decided later, thrown away, brought back', async () => {
  vi.spyOn(HTMLAnchorElement.prototype, 'click').mockReturnValue();
  FakeRecovery.preset.takes = [unfinished({ recordingId: 'fake-1' }), unfinished({ id: 'other', title: 'Other' })];
  const { root, settled } = await open();
  const modal = shadow(root, 'kt-recovery-modal');
  await until(() => one<HTMLDialogElement>(modal, 'dialog').open, 'modal');
  await kept('the page was opened');
  await press(button(modal, 'Decide later'));
  await settled();
  await press(button(root, '2 unfinished takes'));
  await until(() => one<HTMLDialogElement>(modal, 'dialog').open, 'modal again');
  await press(button(one(modal, '.take'), 'Start Over'));
  await settled();
  await press(button(modal, 'Discard and start over'));
  await kept('Start Over');
  await press(one(modal, '.salvage'));
  await until(() => root.querySelector('kt-player') !== null, 'player');
  await kept('Salvage');
  await press(button(root, 'Back to the studio'));
  await kept('Back');
});

test('the list of recordings', async () => {
  replies['GET recordings?limit=50'] = { body: { recordings: [recording, { ...recording, id: 'b', title: 'B' }] } };
  replies['DELETE recordings/b'] = { status: 204 };
  const { root, settled } = await open();
  const library = shadow(root, 'studio-library');
  await press(button(root, 'Recordings'));
  await until(() => library.querySelectorAll('li').length === 2, 'list');
  await press(button(library, 'Delete B'));
  await settled();
  await press(button(library, 'Keep'));
  await settled();
  await press(button(library, 'Delete B'));
  await settled();
  await press(button(library, 'Delete B for good'));
  await until(() => library.querySelectorAll('li').length === 1, 'deleted');
  await kept('Delete');
  await press(one(library, '.open'));
  await until(() => root.querySelector('kt-player') !== null, 'player');
  await kept('Open');
});
