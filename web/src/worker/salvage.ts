/**
 * Finishes one take that was cut off: reads its journal, then continues its upload where the store stands. Until the
 * take is complete nothing of the journal is touched, so that all of this can be interrupted and repeated.
 */

import { Limit } from '../engine/contract.gen.js';
import type { EngineHeap } from '../engine/engine.js';
import { EngineJournalReader, type JournalPiece, type RecoveredTake } from '../engine/journal.js';
import { KeeptakeError } from '../errors.js';
import type { JournalStore, TakeRow } from '../journal-store.js';
import type { LocalTake, StoredTake } from '../messages.js';
import type { SalvageProgress } from '../types.js';
import { ApiError, field, type Api } from './api.js';
import { isItsOrganisation, otherServer } from '../unfinished.js';
import { readSpans } from './journal.js';
import { LIVE_SECONDS, SignsOfLife } from './life.js';
import { assemble, type Piece } from './pieces.js';
import { TakeUpload, uploadPolicy, type UploadSource } from './upload.js';

const POLL_MS = 300;
const PROGRESS_MS = 100;
/** So long the server may salvage, or go on with a completion, by itself. */
const SALVAGING_MS = 120_000;
const COMPLETING_MS = 10_000;
/** Two durations of one take differ by less. */
const SAME_SECONDS = 0.05;

export interface SalvageOptions {
  store: JournalStore;
  row: TakeRow;
  heap: EngineHeap;
  api: Api | null;
  /** The server is not the take's. */
  elsewhere: boolean;
  /** Ends it; {@link Salvage.run} rejects. */
  signal: AbortSignal;
  onProgress: (progress: SalvageProgress) => void;
}

export class Salvage {
  readonly #options: SalvageOptions;

  constructor(options: SalvageOptions) {
    this.#options = options;
  }

  /** The finished take; its journal is gone. A take without a server: its file, and the journal stays. */
  async run(): Promise<StoredTake> {
    return this.#reading(async (reader, take) => {
      const { row, api, store } = this.#options;
      if (row.recordingId === null) {
        if (!take) throw damaged();
        const { file, bytes } = this.#file(reader, take);
        const { timeline, scene } = await texts(reader);
        return { recordingId: '', duration: take.durationUs / 1e6, bytes, timeline, scene, file: await file.range(0, bytes) };
      }
      if (!api)
        throw new KeeptakeError('bad-state', 'Recovery was opened without a server: what is here can be downloaded.');
      if (this.#options.elsewhere) throw otherServer(row);
      const stored = await this.#onServer(api, reader, take);
      await store.remove(row.id);
      return stored;
    });
  }

  /** A playable file of what is here. Changes nothing. */
  async local(): Promise<LocalTake> {
    return this.#reading(async (reader) => {
      const { header, pieces, cues, durationUs, missing } = reader.local();
      if (pieces.length === 0) throw damaged();
      const parts = layOut(header, pieces, cues);
      const end = parts.reduce((sum, { bytes }) => sum + bytes, 0);
      const file = await this.#assemble(parts, 0, end);
      return { file, duration: durationUs / 1e6, complete: missing.length === 0, missing };
    });
  }

  // ---- the journal ----------------------------------------------------------------------------------

  async #reading<T>(use: (reader: EngineJournalReader, take: RecoveredTake | null) => Promise<T>): Promise<T> {
    const { store, row, heap, signal, onProgress } = this.#options;
    const reader = new EngineJournalReader(heap, takeIdBytes(row.id));
    try {
      let read = 0;
      let told = 0;
      for await (const { bytes } of store.all(row.id)) {
        signal.throwIfAborted();
        reader.add(bytes);
        read += bytes.length;
        if (read - told < row.localBytes / 50) continue;
        told = read;
        onProgress({ phase: 'reading', progress: Math.min(1, read / Math.max(1, row.localBytes)) });
      }
      return await use(reader, reader.finish());
    } finally {
      reader.destroy();
    }
  }

  /** The whole take, as far as its bytes are here. */
  #file(reader: EngineJournalReader, take: RecoveredTake): { file: UploadSource; bytes: number } {
    const cues = reader.cues();
    const parts = layOut(reader.header(), reader.pieces(), cues, take.fileBytes);
    const end = take.fileBytes + cues.length;
    const range = (offset: number, bytes: number): Promise<Blob> => this.#assemble(parts, offset, offset + bytes);
    return { file: { end, range, release: () => undefined }, bytes: end };
  }

  #assemble(parts: Piece[], from: number, to: number): Promise<Blob> {
    const { store, row } = this.#options;
    return assemble(parts, from, to, (spans) => readSpans(store, row.id, spans));
  }

  // ---- the server -----------------------------------------------------------------------------------

  async #onServer(api: Api, reader: EngineJournalReader, take: RecoveredTake | null): Promise<StoredTake> {
    const recording = await this.#settledRecording(api);
    const state = field(recording, 'state');
    if (state === 'complete') return this.#wasFinished(api, recording, reader, take);
    if (state === 'aborted' || state === 'failed') throw lost();
    const here = take ? take.fileBytes + reader.cues().length : 0;
    // The journal ended before the take, say for want of room: the store has more than this machine.
    if (Number(field(field(recording, 'upload'), 'uploaded_bytes') ?? 0) > here) {
      const stored = await this.#byServer(api, take);
      if (stored) return stored;
    }
    if (!take) throw damaged();
    return this.#send(api, reader, take);
  }

  async #send(api: Api, reader: EngineJournalReader, take: RecoveredTake): Promise<StoredTake> {
    const { file, bytes } = this.#file(reader, take);
    const { timeline, scene } = await this.#sendTimeline(api, reader);
    try {
      await this.#upload(api, file, take);
    } catch (error) {
      this.#options.signal.throwIfAborted();
      const now = await this.#settledRecording(api).catch(() => null);
      if (field(now, 'state') === 'complete') return this.#wasFinished(api, now, reader, take);
      if (error instanceof KeeptakeError && error.context['gone'] === true) throw lost(error);
      throw error;
    }
    return { recordingId: this.#id, duration: take.durationUs / 1e6, bytes, timeline, scene };
  }

  async #upload(api: Api, file: UploadSource, take: RecoveredTake): Promise<void> {
    const { heap, row, signal, onProgress } = this.#options;
    const nowUs = (): number => Math.round(performance.now() * 1000);
    const upload = new TakeUpload({
      policy: uploadPolicy(heap, row.partBytes),
      api,
      recordingId: this.#id,
      log: file,
      resume: true,
      nowUs,
      duration: () => take.durationUs / 1e6,
    });
    // Nor does anybody else end it while it is sent; what the server says of the upload is heard by the upload itself.
    const life = row.writer === undefined ? null
      : new SignsOfLife({ api, recordingId: this.#id, liveSeconds: LIVE_SECONDS, onEnded: () => undefined });
    const stop = (): void => upload.close();
    signal.addEventListener('abort', stop);
    const timer = setInterval(() => {
      const { state, safeBytes, totalBytes } = upload.stats;
      const sent = totalBytes > 0 ? safeBytes / totalBytes : 0;
      onProgress(state === 'completing' ? { phase: 'completing', progress: 0 } : { phase: 'sending', progress: sent });
    }, PROGRESS_MS);
    onProgress({ phase: 'sending', progress: 0 });
    try {
      upload.append(file.end);
      await upload.finish();
      onProgress({ phase: 'completing', progress: 1 });
    } finally {
      clearInterval(timer);
      signal.removeEventListener('abort', stop);
      life?.stop();
      upload.close();
    }
  }

  /** Sent before Complete, so that a take without its timeline is not taken for finished. A refusal is no reason to lose the take. */
  async #sendTimeline(api: Api, reader: EngineJournalReader): Promise<{ timeline: string; scene: string }> {
    try {
      await api.call('PUT', `/recordings/${this.#id}/timeline`, reader.timeline(), {
        contentType: 'application/zlib',
        signal: this.#options.signal,
      });
    } catch (error) {
      const refused = error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 401;
      if (!refused) throw error;
    }
    return texts(reader);
  }

  /** It is complete already: by a page that died before its journal was gone, or by the server alone. */
  async #wasFinished(
    api: Api,
    recording: unknown,
    reader: EngineJournalReader,
    take: RecoveredTake | null,
  ): Promise<StoredTake> {
    const stored = this.#checked(recording, take);
    if (!take) return { ...stored, ...(await this.#textsOfServer(api)) };
    return { ...stored, ...(await this.#sendTimeline(api, reader).catch(() => texts(reader))) };
  }

  /** Has the server do it, from what it has: nothing is readable here, or less. Null where it cannot. */
  async #byServer(api: Api, take: RecoveredTake | null): Promise<StoredTake | null> {
    const { signal, onProgress } = this.#options;
    onProgress({ phase: 'completing', progress: 0 });
    try {
      await api.call('POST', `/recordings/${this.#id}/salvage`, {}, { signal });
    } catch (error) {
      if (error instanceof ApiError && (error.status === 404 || error.status === 409)) return null;
      throw error;
    }
    const recording = await this.#settledRecording(api);
    if (field(recording, 'state') !== 'complete') return null;
    return { ...this.#checked(recording, take), ...(await this.#textsOfServer(api)) };
  }

  async #textsOfServer(api: Api): Promise<{ timeline: string; scene: string }> {
    const get = async (what: string): Promise<string> =>
      JSON.stringify(await api.call('GET', `/recordings/${this.#id}/${what}`).catch(() => null));
    return { timeline: await get('timeline'), scene: await get('scene') };
  }

  /** A complete recording that is not shorter than what is here. */
  #checked(recording: unknown, take: RecoveredTake | null): StoredTake {
    const duration = Number(field(recording, 'duration') ?? 0);
    const here = (take?.durationUs ?? 0) / 1e6;
    if (duration + SAME_SECONDS < here)
      throw new KeeptakeError(
        'take-finished-elsewhere',
        `The server finished this take by itself, with ${duration.toFixed(1)} s of it; ${here.toFixed(1)} s are on this machine and can be downloaded.`,
        { context: { recordingId: this.#id, duration, here } },
      );
    return { recordingId: this.#id, duration, bytes: Number(field(recording, 'bytes') ?? 0), timeline: 'null', scene: 'null' };
  }

  get #id(): string {
    return this.#options.row.recordingId ?? '';
  }

  async #recording(api: Api): Promise<unknown> {
    try {
      return await api.call('GET', `/recordings/${this.#id}`, undefined, { signal: this.#options.signal });
    } catch (error) {
      if (!(error instanceof ApiError) || (error.apiCode !== 'not-found' && error.apiCode !== 'gone')) throw error;
      throw (await isItsOrganisation(this.#options.row, api)) ? lost(error) : otherServer(this.#options.row);
    }
  }

  /** The recording, once the server is not at work on it by itself. */
  async #settledRecording(api: Api): Promise<unknown> {
    const began = performance.now();
    for (;;) {
      const recording = await this.#recording(api);
      const state = field(recording, 'state');
      const patience = state === 'salvaging' ? SALVAGING_MS : state === 'completing' ? COMPLETING_MS : 0;
      if (performance.now() - began > patience || patience === 0) return recording;
      this.#options.onProgress({ phase: 'completing', progress: 0 });
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      this.#options.signal.throwIfAborted();
    }
  }
}

/** Header, clusters and Cues as pieces of a file. `cuesOffset`: default, right after the clusters. */
function layOut(
  header: Uint8Array<ArrayBuffer>,
  clusters: JournalPiece[],
  cues: Uint8Array<ArrayBuffer>,
  cuesOffset?: number,
): Piece[] {
  const pieces: Piece[] = clusters.map(({ sequence, recordOffset, fileOffset, bytes }) => ({
    offset: fileOffset,
    bytes,
    data: null,
    place: { sequence, offset: recordOffset },
  }));
  const last = pieces.at(-1);
  const end = cuesOffset ?? (last ? last.offset + last.bytes : header.length);
  pieces.unshift({ offset: 0, bytes: header.length, data: header, place: null });
  if (cues.length > 0) pieces.push({ offset: end, bytes: cues.length, data: cues, place: null });
  return pieces;
}

/** Timeline and scene as JSON. */
async function texts(reader: EngineJournalReader): Promise<{ timeline: string; scene: string }> {
  const inflated = new Blob([reader.timeline()]).stream().pipeThrough(new DecompressionStream('deflate'));
  return { timeline: await new Response(inflated).text(), scene: new TextDecoder().decode(reader.scene()) };
}

function takeIdBytes(id: string): Uint8Array {
  return Uint8Array.from({ length: Limit.takeIdBytes }, (_, index) => Number.parseInt(id.slice(2 * index, 2 * index + 2), 16));
}

function damaged(cause?: unknown): KeeptakeError {
  return new KeeptakeError('take-damaged', 'Nothing of this take can be read any more.', { cause });
}

function lost(cause?: unknown): KeeptakeError {
  return new KeeptakeError(
    'not-found',
    'The server has no upload of this take any more; what is on this machine can be downloaded.',
    { cause },
  );
}
