// Records by itself, and only while nobody can see it: nothing may drive this page, because every driver makes
// pages count as visible. Says in the recording's title what it saw.
import { createRecorder } from './keeptake/index.js';

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const recorder = createRecorder({ server: { url: location.origin }, codec: 'vp8', width: 320, height: 180, governor: false });
const camera = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 360, frameRate: 30 }, audio: true });
await recorder.addSource(camera, { id: 'camera' });
while (document.visibilityState === 'visible') await wait(50);
await recorder.start({ countdown: 0 });
while ((recorder.stats?.elapsed ?? 0) < 4) await wait(50);
const title = `recorded ${document.visibilityState}`;
const take = await recorder.stop();
await fetch(`/api/v1/recordings/${take.recordingId}`, {
  method: 'PATCH',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({ title }),
});
