/**
 * Finishes one take that was cut off: reads its journal, then continues its upload where the store stands, or, where
 * there is none any more, makes a recording of its own of what is here. Until the take is complete nothing of the
 * journal is touched, so that all of this can be interrupted and repeated.
 */

import type { EngineHeap } from '../engine/engine.js';
import type { EngineJournalReader, RecoveredTake } from '../engine/journal.js';
import { KeeptakeError } from '../base/errors.js';
import type { JournalStore, TakeRow } from '../journal/store.js';
import type { LocalTake, StoredTake } from '../protocol/messages.js';
import type { SalvageProgress } from '../base/types.js';
import { ApiError, field, type Api, type ApiClient } from '../server/api.js';
import { isItsOrganisation, otherServer } from '../journal/unfinished.js';
import {
  damaged,
  localFile,
  localTake,
  readJournal,
  wholeFile,
  type JournalFile,
  type JournalFileOptions,
} from '../journal/journal-file.js';
import { LIVE_SECONDS, SignsOfLife } from '../server/life.js';
import { makeRecording, openUpload, type TakeSettings } from '../server/recording.js';
import { ServerLimits } from '../server/limits.js';
import { TakeUpload, uploadPolicy } from '../upload/upload.js';
import { isUploadEnd } from '../upload/upload-end.js';

const POLL_MS = 300;
const PROGRESS_MS = 100;
/** So long the server may salvage, or go on with a completion, by itself. */
const SALVAGING_MS = 120_000;
const COMPLETING_MS = 10_000;
/** Two durations of one take differ by less. */
const SAME_SECONDS = 0.05;
/** Of rows that do not say it. */
const USUAL = { fps: 30, audioBitrate: 128_000 };

export interface SalvageOptions {
  store: JournalStore;
  row: TakeRow;
  heap: EngineHeap;
  api: ApiClient | null;
  /** The server is not the take's. */
  elsewhere: boolean;
  /** Ends it; {@link Salvage.run} rejects. */
  signal: AbortSignal;
  onProgress: (progress: SalvageProgress) => void;
}

/** What is known of the take on the server, in a word. */
type There = { complete: StoredTake } | 'unfinished' | 'gone';

export class Salvage {
  readonly #options: SalvageOptions;
  readonly #reading: JournalFileOptions;
  #row: TakeRow;

  constructor(options: SalvageOptions) {
    const { store, row, heap, signal, onProgress } = options;
    this.#options = options;
    this.#row = row;
    this.#reading = { store, row, heap, signal, onProgress: (progress) => onProgress({ phase: 'reading', progress }) };
  }

  /** The finished take; its journal is gone. A take without a server: its file, and the journal stays. */
  run(): Promise<StoredTake> {
    return readJournal(this.#reading, async (reader, take) => {
      const { api, store, elsewhere } = this.#options;
      if (this.#row.server === null) return this.#asFile(reader, take);
      if (!api)
        throw new KeeptakeError('bad-state', 'Recovery was opened without a server: what is here can be downloaded.');
      if (elsewhere) throw otherServer(this.#row);
      const stored = await this.#onServer(api, reader, take);
      // Typed while the server was away; a title is no reason to salvage again.
      const { title, titleDue } = this.#row;
      if (titleDue)
        await this.#own(api)
          .call('PATCH', `/recordings/${this.#id}`, { title })
          .catch(() => undefined);
      await store.remove(this.#row.id);
      return stored;
    });
  }

  /** A playable file of what is here. Changes nothing. */
  local(): Promise<LocalTake> {
    return localTake(this.#reading);
  }

  async #asFile(reader: EngineJournalReader, take: RecoveredTake | null): Promise<StoredTake> {
    if (!take) throw damaged();
    const { file, durationUs } = wholeFile(this.#reading, reader, take);
    const told = await texts(reader);
    const journalId = this.#row.id;
    return {
      recordingId: '',
      duration: durationUs / 1e6,
      bytes: file.end,
      ...told,
      file: await file.range(0, file.end),
      journalId,
    };
  }

  // ---- the server -----------------------------------------------------------------------------------

  async #onServer(api: ApiClient, reader: EngineJournalReader, take: RecoveredTake | null): Promise<StoredTake> {
    if (this.#row.recordingId === null) return this.#anew(api, reader, this.#row.creationKey);
    const there = await this.#look(this.#own(api), reader, take);
    if (there === 'gone') return this.#anew(api, reader);
    if (there !== 'unfinished') return there.complete;
    const file = this.#row.renewed ? localFile(this.#reading, reader) : take && wholeFile(this.#reading, reader, take);
    if (!file) throw damaged();
    try {
      return await this.#send(this.#own(api), reader, file);
    } catch (error) {
      this.#options.signal.throwIfAborted();
      const now = await this.#look(this.#own(api), reader, take).catch(() => 'unfinished' as const);
      if (now !== 'unfinished' && now !== 'gone') return now.complete;
      // The store may have lost the upload without the server's knowledge.
      if (now === 'unfinished' && !isUploadEnd(error)) throw error;
      return this.#anew(api, reader);
    }
  }

  #own(api: ApiClient): Api {
    return api.as(this.#row.writer);
  }

  /** How the recording stands, once the server is not at work on it by itself. One with less than is here counts as gone. */
  async #look(api: Api, reader: EngineJournalReader, take: RecoveredTake | null): Promise<There> {
    let recording = await this.#settledRecording(api);
    // The journal ended before the take, say for want of room: the store has more than this machine.
    const here = take ? take.fileBytes + reader.cues().length : 0;
    if (Number(field(field(recording, 'upload'), 'uploaded_bytes') ?? 0) > here)
      recording = await this.#byServer(api, recording);
    const state = field(recording, 'state');
    if (recording === null || state === 'aborted' || state === 'failed') return 'gone';
    if (state !== 'complete') return 'unfinished';
    const duration = Number(field(recording, 'duration') ?? 0);
    const hereSeconds = (take?.durationUs ?? 0) / 1e6;
    if (duration + SAME_SECONDS < hereSeconds) return 'gone';
    const ours = take !== null && duration <= hereSeconds + SAME_SECONDS;
    const told = ours
      ? await this.#sendTimeline(api, reader).catch(() => texts(reader))
      : await this.#textsOfServer(api);
    return { complete: { recordingId: this.#id, duration, bytes: Number(field(recording, 'bytes') ?? 0), ...told } };
  }

  /**
   * A recording of its own of what is here: the take never had one, or others ended it. From the moment it is made the
   * row names it, so that what is interrupted goes on there.
   */
  async #anew(api: ApiClient, reader: EngineJournalReader, key: string = crypto.randomUUID()): Promise<StoredTake> {
    const { store } = this.#options;
    if (!(await isItsOrganisation(this.#row, api))) throw otherServer(this.#row);
    const file = localFile(this.#reading, reader);
    // Noted first: a lost answer is asked for again under the same key, also at another visit.
    this.#row = { ...this.#row, recordingId: null, writer: undefined, creationKey: key };
    await store.write(this.#row, [], [], 'strict');
    const server = new ServerLimits(api, this.#row.maxLength ?? 0);
    const made = await makeRecording(
      api,
      this.#settings(file),
      await server.ask(),
      key,
      () => this.#options.signal.aborted,
    );
    const partBytes = (await openUpload(api.as(made.writer), made.recordingId)) || this.#row.partBytes;
    const organisation = server.organisation || this.#row.organisation;
    this.#row = {
      ...this.#row,
      ...made,
      partBytes,
      renewed: true,
      safeBytes: 0,
      ...(organisation ? { organisation } : {}),
    };
    await store.write(this.#row, [], [], 'strict');
    return this.#send(this.#own(api), reader, file);
  }

  #settings({ file, durationUs }: JournalFile): TakeSettings {
    const {
      title,
      codec,
      width,
      height,
      maxLength = 0,
      fps = USUAL.fps,
      audioBitrate = USUAL.audioBitrate,
    } = this.#row;
    const measured = Math.round((file.end * 8e6) / Math.max(1, durationUs)) - audioBitrate;
    const { videoBitrate = Math.max(1, measured) } = this.#row;
    return { title, codec, width, height, fps, videoBitrate, audioBitrate, maxLength };
  }

  async #send(api: Api, reader: EngineJournalReader, { file, durationUs, missing }: JournalFile): Promise<StoredTake> {
    const told = await this.#sendTimeline(api, reader);
    const { heap, signal, onProgress } = this.#options;
    const upload = new TakeUpload({
      policy: uploadPolicy(heap, this.#row.partBytes),
      api,
      recordingId: this.#id,
      log: file,
      resume: true,
      nowUs: () => Math.round(performance.now() * 1000),
      duration: () => durationUs / 1e6,
    });
    // Nor does anybody else end it while it is sent; what the server says of the upload is heard by the upload itself.
    const life = !this.#row.writer
      ? null
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
    return { recordingId: this.#id, duration: durationUs / 1e6, bytes: file.end, ...told, missing };
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

  /** Has the server finish it from what it has, which is more than is here; the recording as it is then. */
  async #byServer(api: Api, before: unknown): Promise<unknown> {
    const { signal, onProgress } = this.#options;
    onProgress({ phase: 'completing', progress: 0 });
    try {
      await api.call('POST', `/recordings/${this.#id}/salvage`, {}, { signal });
    } catch (error) {
      if (error instanceof ApiError && (error.status === 404 || error.status === 409)) return before;
      throw error;
    }
    return this.#settledRecording(api);
  }

  async #textsOfServer(api: Api): Promise<{ timeline: string; scene: string }> {
    const get = async (what: string): Promise<string> =>
      JSON.stringify(await api.call('GET', `/recordings/${this.#id}/${what}`).catch(() => null));
    return { timeline: await get('timeline'), scene: await get('scene') };
  }

  get #id(): string {
    return this.#row.recordingId ?? '';
  }

  /** Null where its own server has none any more. */
  async #recording(api: Api): Promise<unknown> {
    try {
      return await api.call('GET', `/recordings/${this.#id}`, undefined, { signal: this.#options.signal });
    } catch (error) {
      if (!(error instanceof ApiError) || (error.apiCode !== 'not-found' && error.apiCode !== 'gone')) throw error;
      if (await isItsOrganisation(this.#row, api)) return null;
      throw otherServer(this.#row);
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

/** Timeline and scene as JSON. */
async function texts(reader: EngineJournalReader): Promise<{ timeline: string; scene: string }> {
  const inflated = new Blob([reader.timeline()]).stream().pipeThrough(new DecompressionStream('deflate'));
  return { timeline: await new Response(inflated).text(), scene: new TextDecoder().decode(reader.scene()) };
}
