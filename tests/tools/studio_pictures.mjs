// Makes docs/images/*.png anew from the real pages: the built studio on the real server, three drawn people, a take.
// On a machine that does nothing else, or its figures are in the picture.
//   node tests/tools/studio_pictures.mjs           docs/images
//   node tests/tools/studio_pictures.mjs FOLDER    the same there, and every panel wide, narrow, light and dark
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { launchBrowser, openPage, ROOT, startServer } from '../e2e/support/stack.mjs';

const folder = process.argv[2] ?? join(ROOT, 'docs/images');
const WIDE = { width: 1440, height: 900 };
const TITLE = 'Episode 12: Notes on the Engine';
const LOGO = `<svg xmlns="http://www.w3.org/2000/svg" width="200" height="64"><rect width="200" height="64" rx="14" fill="#5ed3c2"/>
  <text x="100" y="43" font-family="sans-serif" font-weight="700" font-size="30" text-anchor="middle" fill="#04211d">On Tides</text></svg>`;

/** In the page: a person who nods, drawn on a canvas. */
function addPeople() {
  const person = ({ wall, skin, hair, shirt, glasses }) => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 1280, height: 720 });
    const context = canvas.getContext('2d');
    const oval = (x, y, rx, ry, color, from = 0, to = 7) => {
      context.fillStyle = color;
      context.beginPath();
      context.ellipse(x, y, rx, ry, 0, from, to);
      context.fill();
    };
    const draw = () => {
      const nod = 8 * Math.sin(performance.now() / 700);
      const paint = context.createLinearGradient(0, 0, 0, 720);
      paint.addColorStop(0, wall[0]);
      paint.addColorStop(1, wall[1]);
      context.fillStyle = paint;
      context.fillRect(0, 0, 1280, 720);
      context.fillStyle = 'rgb(255 255 255 / 30%)';
      context.fillRect(930, 90, 190, 270);
      oval(640, 850, 390, 330, shirt);
      context.fillStyle = skin;
      context.fillRect(580, 470, 120, 110);
      oval(640, 320 + nod, 178, 200, hair);
      oval(640, 350 + nod, 140, 176, skin);
      oval(640, 250 + nod, 160, 110, hair, Math.PI, 0);
      for (const side of [-54, 54]) oval(640 + side, 345 + nod, 12, 15, '#20160f');
      if (glasses) {
        context.strokeStyle = '#20160f';
        context.lineWidth = 6;
        for (const side of [-54, 54]) {
          context.beginPath();
          context.arc(640 + side, 345 + nod, 38, 0, 7);
          context.stroke();
        }
      }
      oval(640, 435 + nod, 46, 18, '#7d2a2f', 0, Math.PI);
    };
    draw();
    setInterval(draw, 33);
    return canvas.captureStream(30);
  };
  const people = [
    { id: 'host', name: 'Ada', wall: ['#dfe4dc', '#8fb3a5'], skin: '#d9a07f', hair: '#3a271c', shirt: '#1f5154' },
    { id: 'guest-1', name: 'Grace', wall: ['#cdb394', '#8f7658'], skin: '#8a5a3c', hair: '#1d1c1b', shirt: '#c96a38', glasses: true },
    { id: 'guest-2', name: 'Edsger', wall: ['#374b76', '#262f55'], skin: '#ecc19c', hair: '#b98048', shirt: '#7d3a4f' },
  ];
  const { store } = document.querySelector('keeptake-studio').shadowRoot.querySelector('kt-device-picker');
  globalThis.store = store;
  return people.reduce(
    (before, { id, name, ...look }) =>
      before.then(() => store.perform('kt-source-add-request', { media: person(look), options: { id, name, showName: true }, owned: true })),
    Promise.resolve(),
  );
}

const perform = (page, name, detail) => page.evaluate(([name, detail]) => globalThis.store.perform(name, detail), [name, detail]);

async function setUp(page) {
  await page.waitForFunction(() => document.querySelector('keeptake-studio')?.recorder?.state.state === 'setup');
  await page.getByRole('textbox', { name: 'Take title' }).fill(TITLE);
  await page.keyboard.press('Enter');
  await page.evaluate(addPeople);
  await page.evaluate(() => {
    const { composition } = globalThis.store;
    const sources = composition.sources.map((source) => ({ ...source, shape: 'rounded' }));
    return globalThis.store.perform('kt-composition-request', { composition: { ...composition, layout: 'spotlight', focus: 'host', sources } });
  });
  await perform(page, 'kt-hook-add-request', { hook: { text: 'Grace Hopper', subtitle: 'Compilers', sourceId: 'guest-1' } });
  await page.evaluate((logo) => globalThis.store.perform('kt-logo-request', { image: new Blob([logo], { type: 'image/svg+xml' }), size: 0.08 }), LOGO);
  const text = 'Notes on the Analytical Engine, read again after a hundred and eighty years';
  const hook = { text, subtitle: 'Episode 12, with Grace and Edsger', background: '#5ed3c2', color: '#04211d' };
  await perform(page, 'kt-hook-show-request', { hook });
  const tab = page.getByRole('tab', { name: 'Scenes' });
  await tab.click();
  for (const name of ['Opening', 'Interview', 'Slides', 'Farewell']) {
    await page.locator('studio-scenes').getByRole('textbox', { name: 'Name' }).fill(name);
    await page.getByRole('button', { name: 'Save scene' }).click();
    await page.getByRole('button', { name: `Show scene ${name}` }).waitFor();
  }
}

const elapsed = (page, seconds) =>
  page.waitForFunction((end) => (document.querySelector('keeptake-studio').recorder.stats?.elapsed ?? 0) >= end, seconds);
const shot = (page, name) => page.screenshot({ path: join(folder, `${name}.png`) });

/** Every panel as it looks in a window of that size and in those colours. */
async function panels(page, name) {
  for (const tab of ['People', 'Layout', 'Background', 'Hooks', 'Scenes']) {
    await page.getByRole('tab', { name: tab }).click();
    await page.waitForTimeout(250);
    await shot(page, `${name}-${tab.toLowerCase()}`);
  }
}

async function everything(page) {
  await page.getByLabel('Video file').setInputFiles(process.env.CLIP ?? []);
  for (const colorScheme of ['dark', 'light']) {
    for (const [name, viewport] of [['wide', { width: 1400, height: 900 }], ['narrow', { width: 320, height: 720 }]]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize(viewport);
      await panels(page, `${name}-${colorScheme}`);
      await page.getByRole('button', { name: 'Recordings' }).click();
      await page.waitForTimeout(600);
      await shot(page, `${name}-${colorScheme}-recordings`);
      await page.keyboard.press('Escape');
    }
  }
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.setViewportSize(WIDE);
}

async function main() {
  mkdirSync(folder, { recursive: true });
  const server = await startServer({ studio: join(ROOT, 'web/pages/studio/dist') });
  const browser = await launchBrowser();
  try {
    const { page, errors } = await openPage(browser.context, `${server.url}/?countdown=0`);
    await page.setViewportSize(WIDE);
    await page.emulateMedia({ colorScheme: 'dark' });
    await setUp(page);
    await page.getByRole('button', { name: 'Start Recording' }).click();
    await elapsed(page, 3);
    await page.keyboard.press('k');
    await elapsed(page, 9);
    await page.mouse.move(700, 850);
    await shot(page, 'studio');
    if (process.argv[2] !== undefined) {
      for (const viewport of [{ width: 320, height: 720 }, { width: 390, height: 844 }]) {
        await page.setViewportSize(viewport);
        await page.waitForTimeout(300);
        await shot(page, `recording-${viewport.width}`);
      }
      await page.setViewportSize(WIDE);
      await page.getByRole('button', { name: 'Stop' }).click();
      await page.locator('kt-player').waitFor();
      await page.waitForTimeout(1500);
      await shot(page, 'player');
      await page.getByRole('button', { name: 'Recordings' }).click();
      await page.waitForTimeout(1200);
      await page.getByRole('button', { name: /^Copy link to/ }).first().click();
      await page.waitForTimeout(300);
      await shot(page, 'recordings');
      await page.keyboard.press('Escape');
      await page.getByRole('button', { name: 'New take' }).click();
      await everything(page);
      await page.getByRole('button', { name: 'Start Recording' }).click();
      await elapsed(page, 9);
    }
    // The tab dies; the next visit finds its take.
    await page.close();
    const again = (await openPage(browser.context, `${server.url}/`)).page;
    await again.emulateMedia({ colorScheme: 'dark' });
    await again.setViewportSize({ width: 1280, height: 720 });
    await again.locator('kt-recovery-modal dialog[open]').waitFor();
    await again.waitForTimeout(600);
    await shot(again, 'recovery');
    console.log(errors.length === 0 ? `made in ${folder}` : errors.join('\n'));
    process.exitCode = errors.length === 0 ? 0 : 1;
  } finally {
    await browser.close();
    await server.close();
  }
}

await main();
