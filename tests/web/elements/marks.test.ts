/** Marks of a take: by button and key, in the list, kept with the recording. */

import { expect, test, vi } from 'vitest';
import { keepMarks, keptMarks } from '../../../web/pages/studio/marks.js';
import { KeeptakeError } from '../../../web/src/base/errors.js';
import type { FakeRecorder } from '../fake-recorder.js';
import { button, fakeMedia, one, until } from './fixture.js';
import { audit, open, shadow, type Studio } from './studio-page.js';

async function recording(): Promise<Studio> {
  const studio = await open();
  await studio.recorder.addSource(fakeMedia(), { id: 'host', name: 'Host' });
  studio.recorder.setState({ state: 'recording' });
  await studio.settled();
  return studio;
}

const press = (key: string): boolean =>
  document.body.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, composed: true, cancelable: true }));
const list = (root: ParentNode): ShadowRoot => shadow(root, 'studio-marks');
const times = (root: ParentNode): (string | undefined)[] =>
  [...list(root).querySelectorAll('.time')].map((each) => each.textContent?.trim());

function at(recorder: FakeRecorder, elapsed: number): void {
  recorder.pushStats({ elapsed });
}

test('a moment is marked by button and key while the take runs, and at no other time', async () => {
  const { root, recorder, settled } = await recording();
  at(recorder, 65);
  button(shadow(root, 'studio-mark'), 'Mark this moment').click();
  await settled();
  expect(times(root)).toEqual(['01:05']);
  await audit();
  at(recorder, 90);
  press('k');
  await settled();
  expect(times(root)).toEqual(['01:05', '01:30']);
  expect(recorder.calls.filter(([name]) => name === 'mark').length).toBe(2);
  expect(one(shadow(root, 'studio-mark'), '[role=status]').textContent).toContain('Mark 2');
  recorder.setState({ state: 'paused' });
  await settled();
  press('k');
  expect(button(shadow(root, 'studio-mark'), 'Mark this moment').disabled).toBe(true);
  recorder.setState({ state: 'recording' });
  await settled();
  expect(times(root)).toEqual(['01:05', '01:30']);
  recorder.setState({ state: 'setup' });
  await settled();
  press('k');
  await settled();
  expect(times(root)).toEqual([]);
  expect(shadow(root, 'studio-mark').querySelector('button')).toBeNull();
});

test('between two figures of the recorder a mark goes on with the time', async () => {
  const { root, recorder, settled } = await recording();
  recorder.mark = () => new Promise(() => undefined);
  const clock = vi.spyOn(performance, 'now');
  clock.mockReturnValue(1_000_000);
  at(recorder, 20);
  clock.mockReturnValue(1_000_400);
  press('k');
  clock.mockReturnValue(1_900_000);
  press('k');
  clock.mockRestore();
  recorder.setState({ state: 'stopped', take: recorder.take() });
  await settled();
  expect(keptMarks('fake-1').map((each) => each.time)).toEqual([20.4, 21]);
  expect(times(root)).toEqual(['00:20', '00:21']);
});

test('the time that the recorder gives a mark counts; a mark that it refuses is told', async () => {
  const { root, recorder, settled } = await recording();
  at(recorder, 20);
  recorder.mark = async () => 19.25;
  press('k');
  await settled();
  expect(times(root)).toEqual(['00:19']);
  recorder.mark = () => Promise.reject(new KeeptakeError('bad-state', 'There is no take.'));
  press('k');
  await settled();
  expect(shadow(root, 'studio-banners').querySelector('.banner')).not.toBeNull();
});

test('marks are named and removed, kept with the recording, and lead the player; the next take has none', async () => {
  const { root, recorder, settled } = await recording();
  for (const seconds of [3, 5, 8]) {
    at(recorder, seconds);
    press('k');
  }
  await settled();
  const name = one<HTMLInputElement>(list(root), '[aria-label="Name of mark 2"]');
  name.value = ' The tide turns ';
  name.dispatchEvent(new Event('change'));
  await settled();
  button(list(root), 'Remove mark 1').click();
  await settled();
  recorder.setState({ state: 'stopping', progress: 0.5 });
  recorder.setState({ state: 'stopped', take: recorder.take() });
  await until(() => keptMarks('fake-1').length === 2, 'kept');
  await settled();
  expect(keptMarks('fake-1').map((each) => each.label)).toEqual(['The tide turns', '']);
  await audit();
  const player = one<HTMLElementTagNameMap['kt-player']>(root, 'kt-player');
  const seek = vi.spyOn(player, 'seek');
  list(root).querySelector<HTMLButtonElement>('button.time')?.click();
  expect(Math.floor(seek.mock.calls[0]?.[0] ?? -1)).toBe(5);
  button(root, 'New take').click();
  await settled();
  recorder.setState({ state: 'recording' });
  await settled();
  expect(times(root)).toEqual([]);
  recorder.setState({ state: 'setup' });
  await settled();
  button(root, 'Recordings').click();
  const library = shadow(root, 'studio-library');
  await until(() => library.querySelector('li') !== null, 'list');
  one<HTMLButtonElement>(library, '[aria-label^="Open Pilot"]').click();
  await settled();
  expect(list(root).textContent).toContain('The tide turns');
});

test('what is no mark in the storage is left out; of the oldest takes marks are forgotten', () => {
  for (const rubbish of ['{', '7', '[]', 'null', '{"a":7}', '{"a":[null,7,{"time":"x"},{"time":-1},{"time":null}]}']) {
    localStorage.setItem('keeptake.studio.marks', rubbish);
    expect(keptMarks('a')).toEqual([]);
  }
  localStorage.setItem('keeptake.studio.marks', '{"a":[{"time":1,"label":7},{"time":2,"label":"b"}]}');
  expect(keptMarks('a')).toEqual([
    { time: 1, label: '' },
    { time: 2, label: 'b' },
  ]);
  for (let i = 0; i < 120; i += 1) {
    keepMarks(`take-${i}`, [{ time: i, label: '' }]);
  }
  expect(keptMarks('a')).toEqual([]);
  expect(keptMarks('take-119')).toEqual([{ time: 119, label: '' }]);
  keepMarks('take-119', []);
  expect(keptMarks('take-119')).toEqual([]);
});
