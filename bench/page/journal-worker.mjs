// Writes what the recorder's worker writes, through the package's own store. Messages: {act, …}; one answer each.
import { JournalStore } from './keeptake/journal/store.js';

const row = (id) => ({
  id, recordingId: 'rec_bench', server: 'http://127.0.0.1/', partBytes: 5 << 20, codec: 'vp9', width: 1280, height: 720,
  title: 'Bench', startedAt: Date.now(), page: { title: 'Bench', url: location.href }, durationUs: 0, fileBytes: 0,
  releasedBytes: 0, safeBytes: 0, localBytes: 0, clusters: 0, discarding: false,
});
/** As little compressible as encoded pictures. */
const noise = (bytes) => {
  const all = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += 65_536) crypto.getRandomValues(all.subarray(at, at + 65_536));
  return all;
};
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const acts = {
  /** `count` chunks, one every `everyMs`: milliseconds from put to complete. `durability` null: made, not stored. */
  async paced({ id, count, bytes, everyMs, durability }) {
    const store = await JournalStore.open('bench');
    const waited = [];
    for (let sequence = 0; sequence < count; sequence++) {
      const due = performance.now() + everyMs;
      const record = noise(bytes);
      const began = performance.now();
      if (durability) await store.write({ ...row(id), clusters: sequence }, [{ sequence, bytes: record }], [], durability);
      waited.push(performance.now() - began);
      await pause(Math.max(0, due - performance.now()));
    }
    await store.remove(id);
    store.close();
    return waited;
  },
  /** A take with a healthy network: part 1 stays, of the rest the last two parts. */
  async trimmed({ id, count, bytes, part, durability }) {
    const store = await JournalStore.open('bench');
    const each = Math.ceil(part / bytes);
    const record = noise(bytes);
    for (let sequence = 0; sequence < count; sequence++) {
      const old = sequence % each === 0 && sequence >= 4 * each ? [[sequence - 3 * each, sequence - 2 * each]] : [];
      record[0] = sequence;
      await store.write({ ...row(id), clusters: sequence }, [{ sequence, bytes: record.slice() }], old, durability);
    }
    store.close();
    return (await navigator.storage.estimate()).usage;
  },
};

onmessage = async ({ data }) => {
  try {
    postMessage({ value: await acts[data.act](data) });
  } catch (error) {
    postMessage({ error: String(error) });
  }
};
