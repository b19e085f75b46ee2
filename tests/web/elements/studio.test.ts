/** The studio page as a whole, on the stand-in recorder: audits in every state, and the way of a take. */

import { expect, test, vi } from 'vitest';
import { KeeptakeError } from '../../../web/src/base/errors.js';
import type { FakeRecorder } from '../fake-recorder.js';
import { FakeRecovery, unfinished } from '../fake-recovery.js';
import { button, called, fakeMedia, one, until } from './fixture.js';
import { audit, open, recording, replies, requests, session, shadow } from './studio-page.js';

test('the page passes the audit in every state of a take', { timeout: 30_000 }, async () => {
  const { root, recorder, settled } = await open();
  await audit();
  await recorder.addSource(document.createElement('canvas').captureStream(1), { id: 'host', name: 'Host' });
  await settled();
  await audit();
  for (const tab of ['Layout', 'Background', 'Hooks', 'Scenes']) {
    one(root, `#tab-${tab.toLowerCase()}`).click();
    await settled();
    await audit();
  }
  for (const state of ['recording', 'paused'] as const) {
    recorder.setState({ state });
    await settled();
    await audit();
  }
  recorder.setState({ state: 'stopping', progress: 0.5 });
  await settled();
  await audit();
  recorder.setState({ state: 'stopped', take: recorder.take() });
  await settled();
  await audit();
  recorder.setState({ state: 'failed', error: new KeeptakeError('engine-failed', 'It stopped.') });
  await settled();
  await audit();
});

test('after the take: the player, its title sent to the server, and a new take', async () => {
  const { root, recorder, settled } = await open();
  const title = one<HTMLInputElement>(root, '.title');
  title.value = 'New title';
  title.dispatchEvent(new Event('change'));
  await recorder.addSource(document.createElement('canvas').captureStream(1), { id: 'host', name: 'Host' });
  await settled();
  button(shadow(root, 'kt-controls'), 'Start Recording').click();
  await settled();
  expect(recorder.calls.at(-1)).toEqual(['start', { countdown: 3, title: 'New title' }]);
  recorder.setState({ state: 'recording' });
  await settled();
  expect(document.title).toContain('●');
  expect(button(root, 'Settings').disabled).toBe(true);
  recorder.setState({ state: 'stopped', take: recorder.take() });
  await until(() => requests.includes('PATCH recordings/fake-1 {"title":"New title"}'), 'title sent');
  await settled();
  expect(one(root, 'kt-player').getAttribute('name')).toBe('New title');
  expect(root.querySelector('kt-controls')).toBeNull();
  button(root, 'New take').click();
  await settled();
  expect(called(recorder)).toContain('reset');
  expect(root.querySelector('kt-player')).toBeNull();
  expect(title.value).toBe('');
});

test('past recordings are listed, opened and deleted after a question', async () => {
  const { root, settled } = await open();
  button(root, 'Recordings').click();
  const library = shadow(root, 'studio-library');
  await until(() => library.querySelector('li') !== null, 'list');
  expect(library.textContent).toContain('01:05');
  await audit();
  one<HTMLButtonElement>(library, '[aria-label^="Open Pilot 01:05"]').click();
  await settled();
  expect(one(root, 'kt-player').getAttribute('name')).toBe('Pilot');
  expect(one<HTMLInputElement>(root, '.title').value).toBe('Pilot');
  button(root, 'Recordings').click();
  await settled();
  button(library, 'Delete Pilot').click();
  await settled();
  expect(requests.some((r) => r.startsWith('DELETE'))).toBe(false);
  button(library, 'Delete Pilot for good').click();
  await until(() => requests.includes('DELETE recordings/fake-1'), 'deleted');
  await settled();
  expect(root.querySelector('kt-player')).toBeNull();
  expect(library.textContent).toContain('No recordings yet');
  const said = one(shadow(root, 'studio-announcer'), '[role=status]');
  await until(() => said.textContent?.trim() === 'Pilot is deleted.', 'announced');
});

test('a server that is gone: what is safe, what to do, and a way on', async () => {
  replies['GET session'] = { status: 502 };
  replies['GET recordings?limit=50'] = { status: 502 };
  const { root, settled } = await open();
  const told = one(shadow(root, 'studio-trouble'), '.trouble');
  expect(told.textContent).toContain('The server does not answer.');
  expect(told.textContent).toContain('nothing is lost');
  await audit();
  button(root, 'Recordings').click();
  const library = shadow(root, 'studio-library');
  await until(() => library.textContent?.includes('does not answer') ?? false, 'library tells');
  button(library, 'Close recordings').click();
  const before = (globalThis as unknown as { fakeRecorder: FakeRecorder }).fakeRecorder;
  button(shadow(root, 'studio-trouble'), 'Record in this page only').click();
  await until(() => (globalThis as unknown as { fakeRecorder: FakeRecorder }).fakeRecorder !== before, 'recorder');
  await settled();
  expect(shadow(root, 'studio-trouble').querySelector('.trouble')).toBeNull();
});

test('recording turned off, and a viewer, are told before they try', async () => {
  replies['GET session'] = { body: { ...session, limits: { ...session.limits, enabled: false } } };
  const off = await open();
  expect(one(shadow(off.root, 'studio-trouble'), '.trouble').textContent).toContain('Recording is turned off');
  document.body.replaceChildren();
  replies['GET session'] = { body: { ...session, role: 'viewer' } };
  const viewer = await open();
  expect(one(shadow(viewer.root, 'studio-trouble'), '.trouble').textContent).toContain('may not record');
});

test('other settings make another recorder, and everybody moves over', async () => {
  const { root, recorder, settled } = await open();
  const guests = shadow(root, 'studio-guests');
  button(guests, 'Test pattern').click();
  await until(() => recorder.sources.length === 1, 'pattern');
  await settled();
  button(root, 'Settings').click();
  const dialog = shadow(root, 'studio-settings');
  one<HTMLSelectElement>(dialog, '[name=codec]').value = 'vp8';
  one<HTMLSelectElement>(dialog, '[name=size]').value = '640x360';
  await audit();
  button(dialog, 'Save settings').click();
  const now = (): FakeRecorder => (globalThis as unknown as { fakeRecorder: FakeRecorder }).fakeRecorder;
  await until(() => now() !== recorder && now().sources.length === 1, 'moved');
  expect(called(recorder).at(-1)).toBe('close');
  expect(now().canvasSize).toEqual({ width: 640, height: 360 });
  expect(now().sources[0]).toMatchObject({ id: 'pattern-1', name: 'Test pattern', hasVideo: true, hasAudio: true });
  const media = now().calls.find(([name]) => name === 'addSource')?.[1] as MediaStream;
  expect(media.getTracks().every((t) => t.readyState === 'live')).toBe(true);
  expect(JSON.parse(localStorage.getItem('keeptake.studio.settings')!)).toMatchObject({ codec: 'vp8', width: 640 });
});

test('settings that are saved twice at once lose nobody, and volumes move over', async () => {
  const { root, recorder, settled } = await open();
  const guests = shadow(root, 'studio-guests');
  button(guests, 'Test pattern').click();
  await until(() => recorder.sources.length === 1, 'pattern');
  await recorder.setGain('pattern-1', 0.4);
  await settled();
  const now = (): FakeRecorder => (globalThis as unknown as { fakeRecorder: FakeRecorder }).fakeRecorder;
  const studio = root.host as HTMLElement & { settings: Record<string, unknown> };
  const save = (width: number): boolean =>
    one(root, 'studio-settings').dispatchEvent(
      new CustomEvent('settings-save', { detail: { ...studio.settings, width, height: (width * 9) / 16 } }),
    );
  save(640);
  save(320);
  await until(() => now().canvasSize.width === 320 && now().sources.length === 1, 'moved twice');
  await settled();
  expect(now().sources[0]).toMatchObject({ id: 'pattern-1', gain: 0.4 });
  const media = now().calls.find(([name]) => name === 'addSource')?.[1] as MediaStream;
  expect(media.getTracks().map((t) => t.readyState)).toEqual(media.getTracks().map(() => 'live'));
});

test('notices: errors stay until dismissed, each with what is safe', async () => {
  const { root, recorder, settled } = await open();
  recorder.setState({ state: 'recording' });
  recorder.emit('error', new KeeptakeError('server-unreachable', 'x'));
  recorder.emit('warning', { code: 'source-ended', message: 'x', sourceId: 'nobody' });
  await settled();
  const banners = shadow(root, 'studio-banners');
  expect(one(banners, '[role=alert]').textContent).toContain(
    'What is recorded is kept on this machine until it is stored.',
  );
  expect(one(banners, '[role=status]').textContent).toContain(
    'nobody: A camera, microphone or shared screen has ended.',
  );
  await audit();
  banners.querySelectorAll<HTMLButtonElement>('[aria-label=Dismiss]').forEach((b) => b.click());
  await settled();
  expect(banners.querySelector('.banner')).toBeNull();
});

test('what may cost a take stays on the page until it is read; a backlog until sending works again', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const element = document.createElement('studio-banners');
    const { FakeRecorder: Fake } = await import('../fake-recorder.js');
    const recorder = new Fake({ server: null });
    (element as unknown as { recorder: FakeRecorder }).recorder = recorder;
    document.body.append(element);
    await vi.advanceTimersByTimeAsync(10);
    const codes = (): (string | undefined)[] =>
      [...element.shadowRoot!.querySelectorAll<HTMLElement>('.banner')].map((each) => each.dataset['code']);
    for (const code of ['journal-full', 'governor', 'backlog'] as const) {
      recorder.emit('warning', { code, message: 'x' });
    }
    await vi.advanceTimersByTimeAsync(60_000);
    expect(codes()).toEqual(['journal-full', 'backlog']);
    expect(element.shadowRoot!.textContent).toContain('This machine has no space left for its copy of the take.');
    recorder.emit('warning', { code: 'upload-recovered', message: 'x' });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(codes()).toEqual(['journal-full']);
  } finally {
    vi.useRealTimers();
  }
});

test('tabs move with the arrow keys', async () => {
  const { root, settled } = await open();
  one(root, '#tab-people').focus();
  one(root, '#tab-people').dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowLeft', bubbles: true }));
  await settled();
  expect(root.activeElement?.id).toBe('tab-scenes');
  expect(one(root, '#tab-scenes').getAttribute('aria-selected')).toBe('true');
  expect(one(root, 'studio-scenes').checkVisibility()).toBe(true);
});

test('Shift and a digit show a scene, also on a keyboard whose digits need Shift; the layout keys stay', async () => {
  const { root, recorder, settled } = await open();
  await recorder.addSource(fakeMedia(), { id: 'host', name: 'Host' });
  const press = async (init: KeyboardEventInit): Promise<void> => {
    document.body.dispatchEvent(
      new KeyboardEvent('keydown', { bubbles: true, composed: true, cancelable: true, ...init }),
    );
    await settled();
  };
  await press({ key: '4', code: 'Digit4' });
  one(root, '#tab-scenes').click();
  await settled();
  button(shadow(root, 'studio-scenes'), 'Save scene').click();
  await settled();
  await audit();
  await press({ key: '1', code: 'Digit1', shiftKey: true });
  expect(recorder.composition.layout).toBe('grid');
  await press({ key: '!', code: 'Digit1', shiftKey: true });
  await until(() => recorder.composition.layout === 'spotlight', 'scene by Shift');
  await press({ key: '2', code: 'Numpad2' });
  expect(recorder.composition.layout).toBe('side-by-side');
  await press({ key: '&', code: 'Digit1' });
  await until(() => recorder.composition.layout === 'spotlight', 'scene without Shift');
  await press({ key: '"', code: 'Digit2', shiftKey: true });
  expect(recorder.composition.layout).toBe('spotlight');
});

const recovery = (): FakeRecovery => (globalThis as unknown as { fakeRecovery: FakeRecovery }).fakeRecovery;

test('an unfinished take is offered on load; salvage ends in its playback', async () => {
  FakeRecovery.preset.takes = [
    unfinished({ recordingId: 'fake-1' }),
    unfinished({ id: 'other', title: 'Sound check' }),
  ];
  const { root, settled } = await open();
  const modal = shadow(root, 'kt-recovery-modal');
  await until(() => one<HTMLDialogElement>(modal, 'dialog').open, 'modal');
  // Only the dialog: what lies behind it can be neither seen nor reached.
  await audit(one(root, 'kt-recovery-modal'));
  one<HTMLButtonElement>(modal, '.salvage').click();
  await until(() => root.querySelector('kt-player') !== null, 'player');
  await until(() => requests.includes('GET recordings/fake-1'), 'recording');
  await settled();
  expect(one(root, '.done').textContent?.trim()).toBe('Take salvaged');
  expect(one(root, 'kt-player').getAttribute('name')).toBe('Pilot');
  expect(one<HTMLDialogElement>(modal, 'dialog').open).toBe(false);
  await audit();
  // The other one is not forgotten.
  button(root, '1 unfinished take').click();
  await until(() => one<HTMLDialogElement>(modal, 'dialog').open, 'modal again');
  expect(modal.querySelectorAll('.take').length).toBe(1);
  button(modal, 'Start Over').click();
  await settled();
  button(modal, 'Discard and start over').click();
  await until(() => modal.querySelector('.undo') !== null, 'it can be undone');
  button(modal, 'Close').click();
  await settled();
  expect(recovery().calls.slice(0, 2)).toEqual([
    ['salvage', 'take-1'],
    ['startOver', 'other'],
  ]);
  expect(root.querySelector('.unfinished')).toBeNull();
  button(root, 'Back to the studio').click();
  await settled();
  expect(root.querySelector('kt-controls')).not.toBeNull();
});

test('a recovery that fails is told of and blocks nothing', async () => {
  FakeRecovery.preset.failure = new Error('storage is broken');
  const { root, recorder, settled } = await open();
  const banners = shadow(root, 'studio-banners');
  await until(() => banners.querySelector('.banner') !== null, 'told');
  expect(one(banners, '.banner').textContent).toContain('Unfinished takes on this machine could not be looked up.');
  expect(one<HTMLDialogElement>(shadow(root, 'kt-recovery-modal'), 'dialog').open).toBe(false);
  await recorder.start({ countdown: 0 });
  await settled();
  expect(recorder.state.state).toBe('recording');
});

test('a take that failed is offered once it is left', async () => {
  const { root, recorder, settled } = await open();
  const dialog = one<HTMLDialogElement>(shadow(root, 'kt-recovery-modal'), 'dialog');
  recorder.setState({ state: 'recording' });
  recorder.setState({ state: 'failed', error: new KeeptakeError('upload-failed', 'It is refused.') });
  await settled();
  recovery().takes = [unfinished()];
  recorder.setState({ state: 'setup' });
  await until(() => dialog.open, 'offered');
});

test('the list comes too late for a take that has begun: it waits behind its button', async () => {
  const { root, recorder, settled } = await open();
  recorder.setState({ state: 'recording' });
  recovery().takes = [unfinished()];
  await one<HTMLElementTagNameMap['kt-recovery-modal']>(root, 'kt-recovery-modal').refresh();
  await settled();
  expect(one<HTMLDialogElement>(shadow(root, 'kt-recovery-modal'), 'dialog').open).toBe(false);
});

test('unfinished recordings: salvaged here when the take is here, else by the server', async () => {
  const dead = { ...recording, id: 'rec_1', title: 'Cut off', state: 'recording', duration: undefined };
  const far = { ...dead, id: 'rec_9', title: 'Far away' };
  replies['GET recordings?limit=50'] = { body: { recordings: [dead, far, recording] } };
  replies['POST recordings/rec_9/salvage'] = { status: 202, body: { ...far, state: 'salvaging' } };
  replies['GET recordings/rec_9'] = { body: { ...far, state: 'complete', duration: 61, salvaged: true } };
  FakeRecovery.preset.takes = [unfinished({ recordingId: 'rec_1' })];
  const { root, settled } = await open();
  const modal = shadow(root, 'kt-recovery-modal');
  await until(() => one<HTMLDialogElement>(modal, 'dialog').open, 'modal');
  button(modal, 'Decide later').click();
  button(root, 'Recordings').click();
  const library = shadow(root, 'studio-library');
  await until(() => library.querySelector('li') !== null, 'list');
  button(library, 'Salvage Far away').click();
  await settled();
  await audit();
  button(library, 'Finish on the server').click();
  await until(() => library.textContent?.includes('01:01') ?? false, 'finished');
  expect(requests).toContain('POST recordings/rec_9/salvage');
  expect(library.textContent).toContain('Salvaged');
  button(library, 'Salvage Cut off').click();
  await until(() => one<HTMLDialogElement>(modal, 'dialog').open, 'modal instead');
  expect(one<HTMLDialogElement>(library, 'dialog').open).toBe(false);
});

test('a take that is in this page only is thrown away after a question, and not at all on Keep it', async () => {
  localStorage.setItem('keeptake.studio.settings', JSON.stringify({ keep: 'browser' }));
  const { root, recorder, settled } = await open();
  recorder.setState({ state: 'recording' });
  recorder.setState({ state: 'stopped', take: { ...recorder.take(), file: new File(['x'], 'take.webm') } });
  await settled();
  const asked = (): HTMLDialogElement => one<HTMLDialogElement>(shadow(root, 'studio-ask'), 'dialog');
  button(root, 'New take').click();
  await until(() => asked().open, 'the question');
  await audit();
  button(asked(), 'Keep it').click();
  await settled();
  expect(asked().open).toBe(false);
  expect(recorder.state.state).toBe('stopped');
  button(root, 'New take').click();
  await until(() => asked().open, 'the second question');
  button(asked(), 'Throw it away').click();
  await until(() => recorder.state.state === 'setup', 'setup');
});

test('the page passes the audit in light colours too', { timeout: 30_000 }, async () => {
  const { root, recorder, settled } = await open('light');
  await recorder.addSource(document.createElement('canvas').captureStream(1), { id: 'host', name: 'Host' });
  await settled();
  for (const tab of ['People', 'Layout', 'Background', 'Hooks', 'Scenes']) {
    one(root, `#tab-${tab.toLowerCase()}`).click();
    await settled();
    await audit();
  }
  for (const state of [{ state: 'recording' }, { state: 'paused' }, { state: 'stopping', progress: 0.5 }] as const) {
    recorder.setState(state);
    await settled();
    await audit();
  }
  recorder.setState({ state: 'stopped', take: recorder.take() });
  await settled();
  await audit();
});

test('keys: layout, mute, undo, and the list of them; a letter in a field is a letter', async () => {
  const { root, recorder, settled } = await open();
  await recorder.addSource(fakeMedia(), { id: 'host', name: 'Host' });
  await settled();
  const press = (key: string, init: KeyboardEventInit = {}, target: Element = document.body): void => {
    target.dispatchEvent(
      new KeyboardEvent('keydown', { key, bubbles: true, composed: true, cancelable: true, ...init }),
    );
  };
  press('4');
  await until(() => recorder.composition.layout === 'spotlight', 'layout 4');
  press('z', { ctrlKey: true });
  await until(() => recorder.composition.layout === 'grid', 'undone');
  press('m');
  await until(() => recorder.sources[0]?.audioMuted === true, 'muted');
  press('m', {}, one(root, '.title'));
  await settled();
  expect(recorder.sources[0]?.audioMuted).toBe(true);
  press('?');
  await settled();
  const list = one<HTMLDialogElement>(shadow(root, 'studio-keys'), 'dialog');
  expect(list.open).toBe(true);
  await audit();
  press('m');
  await settled();
  button(list, 'Close').click();
  expect(list.open).toBe(false);
});

test('after Stop the player has the focus, after New take the controls', async () => {
  const { root, recorder, settled } = await open();
  await recorder.addSource(fakeMedia(), { id: 'host', name: 'Host' });
  recorder.setState({ state: 'recording' });
  await settled();
  button(shadow(root, 'kt-controls'), 'Stop').focus();
  recorder.setState({ state: 'stopped', take: recorder.take() });
  await until(() => root.activeElement?.localName === 'kt-player', 'focus in the player');
  button(root, 'New take').focus();
  button(root, 'New take').click();
  await until(() => root.activeElement?.localName === 'kt-controls', 'focus in the controls');
});

test('a take that somebody records now can be neither salvaged nor deleted from the list', async () => {
  const running = { ...recording, id: 'live-1', title: 'Elsewhere', state: 'recording', live: true };
  const dead = { ...recording, id: 'dead-1', title: 'Cut off', state: 'recording', live: false };
  replies['GET recordings?limit=50'] = { body: { recordings: [running, dead] } };
  const { root, settled } = await open();
  button(root, 'Recordings').click();
  await settled();
  const list = shadow(root, 'studio-library');
  const rows = [...list.querySelectorAll('li')];
  expect(rows[0]?.textContent).toContain('Being recorded now');
  expect(rows[0]?.querySelectorAll('.deeds button').length).toBe(0);
  expect(button(rows[1]!, 'Salvage Cut off').disabled).toBe(false);
  expect(button(rows[1]!, 'Delete Cut off').disabled).toBe(false);
});

test('sound or a picture that is back ends the messages of its trouble', async () => {
  const { root, recorder, settled } = await open();
  await recorder.addSource(fakeMedia(), { id: 'host', name: 'Host' });
  recorder.emit('warning', { code: 'sound-silent', message: 'x', sourceId: 'host' });
  await settled();
  const codes = (): string[] =>
    [...shadow(root, 'studio-banners').querySelectorAll<HTMLElement>('.banner')].map((b) => b.dataset['code'] ?? '');
  expect(codes()).toEqual(['sound-silent']);
  recorder.emit('warning', { code: 'sound-recovered', message: 'x', sourceId: 'host' });
  await settled();
  expect(codes()).toEqual(['sound-recovered']);
  recorder.emit('warning', { code: 'source-ended', message: 'x', sourceId: 'host' });
  recorder.emit('warning', { code: 'source-stalled', message: 'x', sourceId: 'guest' });
  recorder.emit('warning', { code: 'source-recovered', message: 'x', sourceId: 'host' });
  await settled();
  expect(codes()).toEqual(['sound-recovered', 'source-stalled', 'source-recovered']);
});
