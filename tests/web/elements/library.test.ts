/** The list of recordings: thumbnails, rename, a link to hand on. */

import { afterEach, expect, test, vi } from 'vitest';
import { drawThumbnail, forgetThumbnail, keptThumbnail } from '../../../web/pages/studio/thumbnails.js';
import { button, one, redThenBlue, until } from './fixture.js';
import { audit, open, recording, replies, requests, shadow, type Studio } from './studio-page.js';

afterEach(() => forgetThumbnail('fake-1'));

async function library(): Promise<Studio & { list: ShadowRoot }> {
  const studio = await open();
  button(studio.root, 'Recordings').click();
  const list = shadow(studio.root, 'studio-library');
  await until(() => list.querySelector('li') !== null, 'list');
  await studio.settled();
  return { ...studio, list };
}

/** Mean colour of a picture file. */
async function colour(picture: Blob): Promise<number[]> {
  const bitmap = await createImageBitmap(picture);
  const context = new OffscreenCanvas(1, 1).getContext('2d')!;
  context.drawImage(bitmap, 0, 0, 1, 1);
  return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
}

test('a thumbnail is the last picture of the file; what is no file gives none, and holds nobody up', async () => {
  const url = URL.createObjectURL(await redThenBlue());
  const rubbish = URL.createObjectURL(new Blob(['no video'], { type: 'video/webm' }));
  const none = drawThumbnail(
    async () => rubbish,
    () => true,
  );
  const failed = drawThumbnail(
    () => Promise.reject(new Error('no address')),
    () => true,
  );
  const unwanted = drawThumbnail(
    async () => url,
    () => false,
  );
  const picture = await drawThumbnail(
    async () => url,
    () => true,
  );
  expect([await none, await failed, await unwanted]).toEqual([null, null, null]);
  const [red = 255, , blue = 0] = await colour(picture!);
  expect(red).toBeLessThan(60);
  expect(blue).toBeGreaterThan(190);
  URL.revokeObjectURL(url);
  URL.revokeObjectURL(rubbish);
});

test('the last picture of a take is kept at Stop, shown in the list and forgotten with the recording', async () => {
  const studio = await open();
  const { root, recorder, settled } = studio;
  await recorder.addSource(document.createElement('canvas').captureStream(1), { id: 'host', name: 'Host' });
  await recorder.setComposition({
    ...recorder.composition,
    background: { kind: 'color', color: '#00ff00' },
    sources: [],
  });
  recorder.setState({ state: 'recording' });
  await new Promise((resolve) => setTimeout(resolve, 250));
  recorder.setState({ state: 'stopping', progress: 0 });
  recorder.setState({ state: 'stopping', progress: 0.5 });
  recorder.setState({ state: 'stopped', take: recorder.take() });
  let kept: Blob | null = null;
  await until(() => {
    void keptThumbnail('fake-1').then((blob) => (kept = blob));
    return kept !== null;
  }, 'kept');
  const [red = 255, green = 0] = await colour(kept!);
  expect(green).toBeGreaterThan(200);
  expect(red).toBeLessThan(60);
  button(root, 'Recordings').click();
  const list = shadow(root, 'studio-library');
  await until(() => list.querySelector('li') !== null, 'list');
  await until(() => shadow(list, 'studio-thumbnail').querySelector('img') !== null, 'thumbnail');
  await settled();
  await audit();
  button(list, 'Delete Pilot').click();
  await settled();
  button(list, 'Delete Pilot for good').click();
  await until(() => list.querySelector('li') === null, 'deleted');
  await until(() => {
    void keptThumbnail('fake-1').then((blob) => (kept = blob));
    return kept === null;
  }, 'forgotten');
});

test('a recording is renamed in the list; a title that cannot be saved stays in its field', async () => {
  const { root, list, settled } = await library();
  button(list, 'Rename Pilot').click();
  await settled();
  await audit();
  const field = (): HTMLInputElement => one<HTMLInputElement>(list, '.rename input');
  field().value = ' New title ';
  replies['PATCH recordings/fake-1'] = { status: 502 };
  button(list, 'Save title').click();
  await until(() => list.textContent?.includes('does not answer') ?? false, 'told');
  expect(field().value).toBe(' New title ');
  replies['PATCH recordings/fake-1'] = { body: { ...recording, title: 'New title' } };
  button(list, 'Save title').click();
  await until(() => list.textContent?.includes('New title') ?? false, 'renamed');
  expect(requests).toContain('PATCH recordings/fake-1 {"title":"New title"}');
  await settled();
  expect(list.querySelector('.rename')).toBeNull();
  button(list, 'Rename New title').click();
  await settled();
  const key = new KeyboardEvent('keydown', { key: 'Escape', bubbles: true, cancelable: true });
  field().dispatchEvent(key);
  await settled();
  expect(key.defaultPrevented).toBe(true);
  expect([list.querySelector('.rename'), one<HTMLDialogElement>(list, 'dialog').open]).toEqual([null, true]);
  one<HTMLButtonElement>(list, '[aria-label^="Open New title"]').click();
  await settled();
  expect(one<HTMLInputElement>(root, '.title').value).toBe('New title');
});

test('a link says what it can do and how long, is copied, and can be copied by hand', async () => {
  const { list, settled } = await library();
  const until7 = new Date(Date.now() + 7 * 86_400_000).toISOString();
  replies['POST recordings/fake-1/playback'] = { body: { url: '/files/fake-1?sig=1', expires_at: until7 } };
  const copied: string[] = [];
  const clipboard = vi
    .spyOn(navigator.clipboard, 'writeText')
    .mockImplementation(async (text) => void copied.push(text));
  button(list, 'Copy link to Pilot').click();
  await settled();
  const link = shadow(list, 'studio-link');
  expect(link.textContent).toContain('without signing in');
  expect(link.textContent).toContain('deleting the recording');
  button(link, 'Copy link').click();
  await until(() => copied.length === 1, 'copied');
  expect(requests).toContain('POST recordings/fake-1/playback {"expires_seconds":604800}');
  expect(copied[0]).toBe(new URL('/files/fake-1?sig=1', location.href).href);
  await settled();
  expect(link.textContent).toContain('The link is copied. It is good until');
  await audit();
  const select = one<HTMLSelectElement>(link, 'select');
  select.value = '3600';
  select.dispatchEvent(new Event('change'));
  await settled();
  expect(link.textContent).not.toContain('is copied');
  clipboard.mockRejectedValue(new DOMException('no', 'NotAllowedError'));
  button(link, 'Copy link').click();
  await until(() => link.textContent?.includes('Copy it from here') ?? false, 'by hand');
  expect(one<HTMLInputElement>(link, 'input').value).toBe(copied[0]);
  replies['POST recordings/fake-1/playback'] = { status: 502 };
  button(link, 'Copy link').click();
  await until(() => link.textContent?.includes('does not answer') ?? false, 'told');
  button(link, 'Done').click();
  await settled();
  expect(list.querySelector('studio-link')).toBeNull();
});
