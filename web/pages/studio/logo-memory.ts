/** The logo of last time: its file, corner and size. */

import type { Corner } from 'keeptake';
import type { RecorderStore } from '../../elements/index.js';
import { deleteBlob, getBlob, putBlob } from './blobs.js';

const KEY = 'keeptake.studio.logo';
const FILE = 'logo';
const CORNERS: readonly Corner[] = ['top-left', 'top-right', 'bottom-left', 'bottom-right'];

let keptFile: Blob | null = null;

/** Shows the logo of last time, or has it ready. What cannot be read is as none. */
export async function bringLogo(store: RecorderStore): Promise<void> {
  let stored: Record<string, unknown> = {};
  try {
    const value: unknown = JSON.parse(localStorage.getItem(KEY) ?? 'null');
    stored = typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return;
  }
  const image = stored['kept'] === true ? await getBlob(FILE) : null;
  if (image === null || store.logo !== null) {
    return;
  }
  keptFile = image;
  const corner = CORNERS.find((each) => each === stored['corner']);
  const size = stored['size'];
  await store.perform('kt-logo-request', {
    image,
    shown: stored['shown'] === true,
    ...(corner === undefined ? {} : { corner }),
    ...(typeof size === 'number' && size >= 0.03 && size <= 0.5 ? { size } : {}),
  });
}

/** Keeps the logo as it is now. A storage that is full or forbidden is no error: it then lasts as long as the page. */
export async function keepLogo(store: RecorderStore): Promise<void> {
  const { logo } = store;
  if (logo === null) {
    keptFile = null;
    await deleteBlob(FILE);
  } else if (logo.image !== keptFile) {
    keptFile = logo.image;
    await putBlob(FILE, logo.image);
  }
  try {
    if (logo === null) {
      localStorage.removeItem(KEY);
    } else {
      const { corner, size, shown } = logo;
      localStorage.setItem(KEY, JSON.stringify({ kept: true, corner, size, shown }));
    }
  } catch {
    // See above.
  }
}
