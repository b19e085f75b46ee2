// What pages share that record with the browser's own MediaRecorder beside the package.
export const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export async function base64(blob) {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  let text = '';
  for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode(...bytes.subarray(i, i + 32768));
  return btoa(text);
}

/** The browser's own; `stop` resolves to the file, as base64. */
export function openBrowsers(stream, { codec, bitrate }) {
  const recorder = new MediaRecorder(stream, { mimeType: `video/webm;codecs=${codec}`, videoBitsPerSecond: bitrate });
  const parts = [];
  recorder.ondataavailable = ({ data }) => parts.push(data);
  return {
    start: () => recorder.start(1000),
    async stop() {
      const stopped = new Promise((resolve) => (recorder.onstop = resolve));
      recorder.stop();
      await stopped;
      return base64(new Blob(parts));
    },
  };
}
