/**
 * One take from its recording on the server to its end: every chunk of the engine goes into the journal, then
 * counts as recorded and is uploaded. Finishing, throwing away, and what is left when neither works.
 */

import { ChunkKind, Limit } from '../engine/contract.gen.js';
import { uploadPartBytes, type EngineFrame, type EngineHeap, type EngineRecorder, type UploadStats } from '../engine/engine.js';
import { EngineJournal, type JournalRecord } from '../engine/journal.js';
import { KeeptakeError } from '../errors.js';
import { JournalStore, type TakeRow } from '../journal-store.js';
import type { EngineSetup, StoredTake } from '../messages.js';
import type { RecorderStats, RecorderWarning } from '../types.js';
import { ApiError, field, isLost, isUnauthorized, type Api, type ApiClient } from './api.js';
import { ByteLog } from './byte-log.js';
import { TakeJournal, type JournalTrouble } from './journal.js';
import { LastPicture } from './picture.js';
import type { JournalPlace } from './pieces.js';
import { SignsOfLife } from './life.js';
import { NO_TAKE, type TakeOptions, type TakeStats } from './take-options.js';
import { TakeUpload, uploadPolicy } from './upload.js';
import { isUploadEnd, uploadEnd, type UploadEnd } from './upload-end.js';

const TIMELINE_US = 10_000_000;
/** Waits before the finished timeline is sent again, a minute in all. */
const TIMELINE_RETRIES_MS = [0, 500, 1000, 2000, 4000, 8000, 16_000, 30_000];
/** With a token that the server refuses it is tried this often, ten minutes in all. */
const TOKEN_WAIT_MS = 5000;
const TIMELINE_TRIES = 120;
const CREATE_TRIES = 2;
const EVENTS_US = 250_000;
const ROOM_US = 10_000_000;
const LOW_ROOM_BYTES = 256 << 20;
/** Of what the journal does not hold: the host is warned, the take is ended. */
const BACKLOG_WARN_BYTES = 128 << 20;
const BACKLOG_MOST_BYTES = 512 << 20;

/** A piece of the file, with its record where there is a journal. */
interface Chunk {
  kind: number;
  payload: Uint8Array<ArrayBuffer>;
  endUs: number;
  record: JournalRecord | null;
}

export class Take {
  readonly #options: TakeOptions;
  readonly #log: ByteLog;
  readonly #picture = new LastPicture((jpeg) => void this.#journal?.picture(jpeg));
  #recordingId = '';
  /** The server, asked as this take's recorder. */
  #server: Api | null = null;
  #writer = '';
  #life: SignsOfLife | null = null;
  /** Others ended the upload, and the take goes on in the journal: what its uploader said last, and why. */
  #ended: UploadEnd | null = null;
  #partBytes = 0;
  #upload: TakeUpload | null = null;
  #journal: TakeJournal | null = null;
  #records: EngineJournal | null = null;
  /** Resolves when every chunk so far is journaled, as far as it can be, and counts as recorded. */
  #counted: Promise<void> = Promise.resolve();
  #durationUs = 0;
  #clusters = 0;
  /** The timeline on its way to the server; null: none. */
  #sending: Promise<boolean> | null = null;
  #timelineDueUs = 0;
  #eventsDueUs = 0;
  #roomDueUs = 0;
  #told = { backlog: false, noRoom: false };
  /** What the store had acknowledged when the host was told that sending is held up; null: it is not. */
  #heldUpAt: number | null = null;
  #heldUpWhy: RecorderWarning['code'] = 'upload-retrying';
  #timelineError: unknown;
  #over = false;
  /** The page does not wait for the store: the journal keeps the take. */
  #left = false;

  constructor(options: TakeOptions) {
    this.#options = options;
    this.#log = new ByteLog({
      headerBytes: Limit.headerBytes,
      read: (spans) => this.#journal?.read(spans) ?? Promise.reject(new RangeError('The journal is closed.')),
    });
  }

  // ---- beginning ------------------------------------------------------------------------------------

  /** Makes the recording, its upload and its journal. Where that fails, {@link discard} removes what there is. */
  async open(): Promise<void> {
    const { api, setup, limits, heap } = this.#options;
    this.#partBytes = uploadPartBytes(heap.module, limits().maxLength * 1e6, setup.videoBitrate + setup.audioBitrate);
    if (api) await this.#openUpload(api);
    if (setup.journal && !this.#over) await this.#openJournal(setup.journal);
  }

  /** Empty where the server has none of this take, or has not answered. */
  get recordingId(): string {
    return this.#recordingId;
  }

  /** It is ended while it opens: nothing more is begun. To be followed by {@link discard}. */
  abandon(): void {
    this.#over = true;
  }

  async #openUpload(api: ApiClient): Promise<void> {
    const { setup, heap, nowUs } = this.#options;
    const { maxLength, maxFps } = this.#options.limits();
    const recording = await this.#create(api, {
      title: setup.title,
      codec: setup.codec,
      width: setup.width,
      height: setup.height,
      fps: Math.min(setup.fps, maxFps),
      video_bitrate: setup.videoBitrate,
      audio_bitrate: setup.audioBitrate,
      max_length_seconds: maxLength,
    });
    this.#recordingId = String(field(recording, 'id'));
    this.#writer = String(field(recording, 'writer') ?? '');
    const own = api.as(this.#writer);
    this.#server = own;
    if (this.#over) return;
    const created = await own.call('POST', `/recordings/${this.#recordingId}/upload`, {});
    const offered = Number(field(created, 'part_bytes'));
    if (offered > 0) this.#partBytes = offered;
    const log = this.#log;
    this.#upload = new TakeUpload({
      policy: uploadPolicy(heap, this.#partBytes),
      api: own,
      recordingId: this.#recordingId,
      log: {
        get end() {
          return log.end;
        },
        range: (offset, bytes) => log.range(offset, bytes),
        release: (offset) => this.#release(offset),
      },
      nowUs,
      duration: () => this.#durationUs / 1e6,
    });
    if (this.#writer === '') return;
    this.#life = new SignsOfLife({
      api: own,
      recordingId: this.#recordingId,
      liveSeconds: this.#options.liveSeconds(),
      onEnded: (error) => this.#uploadFailed(error),
    });
  }

  /**
   * Makes the recording. A lost answer is asked for again under the same key, which gives the same recording instead
   * of a second one that nobody uses.
   */
  async #create(api: ApiClient, recording: Record<string, unknown>): Promise<unknown> {
    let key = this.#options.creationKey;
    for (let tried = 1; ; tried++) {
      try {
        const made = await api.call('POST', '/recordings', recording, { headers: { 'Idempotency-Key': key } });
        if (typeof field(made, 'id') === 'string') return made;
        throw new ApiError('server-error', 'The answer names no recording; something may stand between.', 0);
      } catch (error) {
        // Made under other settings, by a start whose answer never came: this is another recording.
        const used = error instanceof ApiError && error.apiCode === 'conflict';
        if (used) key = crypto.randomUUID();
        if ((!isLost(error) && !used) || tried >= CREATE_TRIES || this.#over) throw error;
      }
    }
  }

  async #openJournal({ durability, keepLocalCopy, database }: NonNullable<EngineSetup['journal']>): Promise<void> {
    const { heap, recorder, api } = this.#options;
    const takeId = crypto.getRandomValues(new Uint8Array(Limit.takeIdBytes));
    try {
      const store = await JournalStore.open(database);
      const row = this.#row(Array.from(takeId, (byte) => byte.toString(16).padStart(2, '0')).join(''));
      this.#journal = await TakeJournal.open({ store, row, durability, onTrouble: (trouble) => this.#journalEnded(trouble) });
      if (this.#over) return;
      const keepAll = keepLocalCopy || api === null;
      this.#records = new EngineJournal(heap, recorder, { takeId, partBytes: this.#partBytes, keepAll });
    } catch (error) {
      if (this.#journal) this.#journal.fail(error);
      else this.#journalEnded({ state: 'off', error });
    }
  }

  #row(id: string): TakeRow {
    const { setup, page, api, organisation } = this.#options;
    return {
      id,
      recordingId: this.#recordingId === '' ? null : this.#recordingId,
      server: api ? setup.server : null,
      scope: setup.journal?.scope ?? '',
      ...(organisation() === '' ? {} : { organisation: organisation() }),
      ...(this.#writer === '' ? {} : { writer: this.#writer }),
      partBytes: this.#partBytes,
      codec: setup.codec,
      width: setup.width,
      height: setup.height,
      title: setup.title,
      startedAt: Date.now(),
      page,
      durationUs: 0,
      fileBytes: 0,
      releasedBytes: 0,
      safeBytes: 0,
      localBytes: 0,
      clusters: 0,
      discarding: false,
    };
  }

  #journalEnded({ state, error }: JournalTrouble): void {
    if (this.#ended) return this.#options.onFailed(this.#ended.error);
    const rest = 'The take goes on and is uploaded, but cannot be brought back when this page dies.';
    if (state === 'full') this.#options.warn('journal-full', `The browser's storage is full. ${rest}`);
    else this.#options.warn('journal-unavailable', `The browser's storage cannot be used. ${rest} (${reason(error)})`);
  }

  // ---- recording ------------------------------------------------------------------------------------

  /** Takes the chunks that wait in the engine. What they hold has been handed to the browser when this returns. */
  drain(): void {
    for (let chunk = this.#nextChunk(); chunk !== null; chunk = this.#nextChunk()) this.#keep(chunk);
  }

  /** As {@link drain}; resolves when it is kept. */
  keepAll(): Promise<void> {
    this.drain();
    return this.#counted;
  }

  /** What is to be done now and then while the take runs. */
  tick(paused: boolean): void {
    const now = this.#options.nowUs();
    if (paused && now >= this.#eventsDueUs) {
      this.#eventsDueUs = now + EVENTS_US;
      this.#journalEvents();
    }
    // With the first cluster, so that a take of any length has its start event in the store.
    if (this.#upload && this.#clusters > 0 && now >= this.#timelineDueUs && !this.#sending) {
      this.#timelineDueUs = now + TIMELINE_US;
      const body = this.#timeline();
      if (body) void this.#sendTimeline(body);
    }
    if (now < this.#roomDueUs) return;
    this.#roomDueUs = now + ROOM_US;
    void this.#watchRoom();
  }

  /** The picture of this moment, for the list of unfinished takes. */
  picture(heap: EngineHeap, frame: EngineFrame, matrix: VideoMatrixCoefficients): void {
    if (this.#journal?.state === 'on' && !this.#over) this.#picture.offer(this.#options.nowUs(), heap, frame, matrix);
  }

  /** The network is said to be back. */
  wake(): void {
    this.#upload?.wake();
  }

  get #journaling(): boolean {
    return this.#records !== null && this.#journal?.state === 'on';
  }

  #nextChunk(): Chunk | null {
    if (this.#journaling) {
      try {
        const made = this.#records?.takeChunk();
        return made ? { kind: made.kind, payload: made.payload, endUs: made.endUs, record: made } : null;
      } catch (error) {
        this.#journal?.fail(error);
      }
    }
    const chunk = this.#options.recorder.takeChunk();
    return chunk && { kind: chunk.kind, payload: chunk.bytes, endUs: chunk.endUs, record: null };
  }

  #keep({ kind, payload, endUs, record }: Chunk): void {
    if (this.#over) return;
    const offset = this.#log.end;
    const added = kind === ChunkKind.patch ? 0 : payload.length;
    if (added > 0) this.#log.append(payload);
    else this.#log.patch(payload);
    if (kind === ChunkKind.cluster) {
      this.#durationUs = endUs;
      this.#clusters++;
    }
    const written = record && this.#journal ? this.#journal.write([record], this.#progress()) : Promise.resolve(false);
    const place = record && { sequence: record.sequence, offset: payload.byteOffset - record.bytes.byteOffset };
    this.#counted = this.#counted
      .then(() => written)
      .then((stored) => this.#count(added, offset, stored ? place : null))
      .catch((error: unknown) => this.#options.onFailed(error));
  }

  /** So many bytes are recorded. */
  #count(bytes: number, offset: number, place: JournalPlace | null): void {
    if (place) this.#log.stored(offset, place);
    if (this.#over || bytes === 0) return;
    const failure = this.#upload?.failure;
    if (failure) this.#uploadFailed(failure);
    else this.#upload?.append(bytes);
    const held = this.#log.memoryBytes;
    if (held > BACKLOG_WARN_BYTES && !this.#told.backlog) this.#warnOfBacklog(`${megabytes(held)} MB wait in this page's memory`);
    if (held < BACKLOG_MOST_BYTES || this.#told.noRoom) return;
    this.#told.noRoom = true;
    this.#options.onNoRoom();
  }

  #progress(): Pick<TakeRow, 'durationUs' | 'fileBytes' | 'safeBytes' | 'clusters'> {
    const { safeBytes } = this.#uploadStats() ?? NO_TAKE;
    return { durationUs: this.#durationUs, fileBytes: this.#log.end, safeBytes, clusters: this.#clusters };
  }

  #journalEvents(): void {
    if (!this.#journaling) return;
    try {
      const record = this.#records?.events();
      if (record) void this.#journal?.write([record]);
    } catch (error) {
      this.#journal?.fail(error);
    }
  }

  /** The store has everything before `offset` for good: memory and journal may let go of it. */
  #release(offset: number): void {
    // With a whole copy here, even a part that the store loses later can be sent again.
    if (this.#journaling && this.#options.setup.journal?.keepLocalCopy) return;
    this.#log.release(offset, this.#partBytes);
    if (!this.#journaling || !this.#records) return;
    try {
      const { record, drops } = this.#records.checkpoint(offset);
      void this.#journal?.write([record], { ...this.#progress(), releasedBytes: offset }, drops);
    } catch (error) {
      this.#journal?.fail(error);
    }
  }

  async #watchRoom(): Promise<void> {
    if (!this.#journaling || this.#told.backlog) return;
    const { quota, usage } = await navigator.storage.estimate().catch((): StorageEstimate => ({}));
    if (quota === undefined || usage === undefined || quota - usage > LOW_ROOM_BYTES) return;
    const unsent = this.#upload?.stats.backlogBytes ?? this.#log.end;
    // Room for another so much is more than enough.
    if (quota - usage < unsent) this.#warnOfBacklog(`The browser has room for ${megabytes(quota - usage)} MB more`);
  }

  #warnOfBacklog(why: string): void {
    if (this.#told.backlog) return;
    this.#told.backlog = true;
    this.#options.warn('backlog', `${why}; what is recorded is not sent as fast as it grows.`);
  }

  // ---- figures --------------------------------------------------------------------------------------

  stats(): TakeStats {
    const upload = this.#uploadStats();
    return {
      backlogBytes: upload?.backlogBytes ?? 0,
      safeBytes: upload?.safeBytes ?? 0,
      sentBytes: upload?.sentBytes ?? 0,
      uploadState: upload?.state ?? 'idle',
      uploadRetries: upload?.retries ?? 0,
      uploadBitrate: this.#upload?.speed.bitrate(this.#options.nowUs()) ?? 0,
      safeIn: this.#safeIn(),
      journalState: this.#records ? (this.#journal?.state ?? 'off') : 'off',
      journalBytes: this.#journal?.bytes ?? 0,
    };
  }

  /** Of an upload that others ended: nothing more is in the store, whatever is recorded. */
  #uploadStats(): UploadStats | undefined {
    if (!this.#ended) return this.#upload?.stats;
    const { stats } = this.#ended;
    return { ...stats, totalBytes: this.#log.end, backlogBytes: this.#log.end - stats.safeBytes };
  }

  /** Seconds until what is recorded is in the store: what sending takes, and what the unfinished part waits. */
  #safeIn(): number | null {
    const { setup, nowUs } = this.#options;
    const upload = this.#upload;
    if (!upload) return null;
    const { backlogBytes, nextBytes, state, nextUs } = upload.stats;
    if (backlogBytes === 0) return 0;
    const now = nowUs();
    const bitrate = upload.speed.bitrate(now);
    if (state === 'waiting' || state === 'failed' || bitrate === 0) return null;
    const sending = (backlogBytes * 8) / bitrate;
    if (upload.speed.running > 0 || state === 'completing') return sending;
    const enough = (nextBytes * 8) / (setup.videoBitrate + setup.audioBitrate);
    return sending + Math.min(enough, nextUs >= 0 ? Math.max(0, (nextUs - now) / 1e6) : Infinity);
  }

  /** 0..1 of the file in the store; null without an upload. */
  get progress(): number | null {
    const stats = this.#upload?.stats;
    return stats && stats.totalBytes > 0 ? stats.safeBytes / stats.totalBytes : null;
  }

  /** Tells the host how sending goes. A failure is final. */
  look(): void {
    const upload = this.#upload;
    if (!upload) return;
    const failure = upload.failure;
    if (failure) return this.#uploadFailed(failure);
    const { state, sentBytes } = upload.stats;
    const why = isUnauthorized(upload.lastError) ? 'unauthorized' : 'upload-retrying';
    if (state === 'waiting' && (this.#heldUpAt === null || (why === 'unauthorized' && this.#heldUpWhy !== why))) {
      this.#heldUpAt = sentBytes;
      this.#heldUpWhy = why;
      const said = upload.lastError instanceof Error ? ` ${upload.lastError.message}` : '';
      const what = why === 'unauthorized' ? 'The server does not take the token; recording goes on and is sent with a new one.'
        : 'Sending is held up; recording goes on and is sent later.';
      this.#options.warn(why, what + said);
    } else if (state === 'sending' && this.#heldUpAt !== null && sentBytes > this.#heldUpAt) {
      // Not before: what is on its way again may be held up again.
      this.#heldUpAt = null;
      this.#options.warn('upload-recovered', 'Sending works again.');
    }
  }

  /** An upload that others ended is no reason to end the take as long as the journal holds it; another failure is. */
  #uploadFailed(error: unknown): void {
    const upload = this.#upload;
    if (!upload || this.#over || upload.stats.state === 'done') return;
    if (!isUploadEnd(error)) return this.#options.onFailed(error);
    // Without a journal there is nowhere to go on to.
    if (!this.#journaling) return this.#options.onFailed(error);
    const ended = uploadEnd(error, upload.stats);
    this.#ended = ended;
    this.#upload = null;
    this.#life?.stop();
    upload.close();
    this.#options.warn('upload-ended', ended.error.message);
  }

  // ---- the end --------------------------------------------------------------------------------------

  /**
   * Stores everything that waits. The journal of a take in the store is gone afterwards; that of a take without a
   * server is kept until {@link forget}.
   * @throws {KeeptakeError} `'upload-failed'`, `'closed'`; the journal is kept
   */
  async finish(durationUs: number): Promise<StoredTake> {
    this.#timelineDueUs = Infinity;
    this.drain();
    this.#durationUs = durationUs;
    const { recorder } = this.#options;
    const decoder = new TextDecoder();
    const timeline = decoder.decode(recorder.timeline(false));
    const scene = decoder.decode(recorder.scene());
    await this.#counted;
    const stored: StoredTake = { recordingId: this.#recordingId, duration: durationUs / 1e6, bytes: this.#log.end, timeline, scene };
    // The journal stays, for recovery.
    if (this.#ended) throw this.#ended.error;
    if (this.#upload) {
      await this.#storeWhole(this.#upload);
      this.#life?.stop();
      await this.#journal?.remove();
    } else {
      stored.file = await this.#log.range(0, this.#log.end);
      if (this.#journal) stored.journalId = this.#journal.id;
    }
    return stored;
  }

  /** While {@link finish} waits for the store: ends that. False where the journal does not have what the store lacks. */
  leave(): boolean {
    if (!this.#journaling || !this.#upload) return false;
    this.#left = true;
    this.#upload.close();
    return true;
  }

  /** The take failed: what was encoded is a playable file, so it is stored as it is; where that fails, it stays in the journal. */
  async storePrefix(durationUs: number): Promise<void> {
    this.#timelineDueUs = Infinity;
    try {
      this.drain();
    } catch {
      // The engine itself may be broken: what it gave before is what there is.
    }
    this.#endRecords();
    if (this.#log.end === 0) return this.discard();
    this.#durationUs = durationUs;
    const body = this.#timeline();
    const sent = this.#upload && body ? this.#sendTimeline(body) : Promise.resolve(true);
    try {
      await this.#counted;
      await this.#upload?.finish();
      if (!(await sent) && body) await this.#storeTimeline(body);
      if (this.#upload) await this.#journal?.remove();
    } catch {
      // The page knows already; what is in the store or in the journal stays there.
    }
    this.close();
  }

  /** Removes the take, here and on the server. Where that is interrupted, recovery goes on with it. */
  async discard(): Promise<void> {
    this.#over = true;
    this.#timelineDueUs = Infinity;
    this.#life?.stop();
    this.#endRecords();
    await this.#journal?.discard();
    let aborted = true;
    try {
      await this.#upload?.abort();
    } catch {
      // The recording's deletion below aborts the upload on the server's side too.
      aborted = false;
    }
    if (await this.#deleteRecording(aborted)) await this.#journal?.remove();
    this.close();
  }

  /** The take's name in the journal, which has or had it. */
  get journalId(): string | null {
    return this.#journal?.id ?? null;
  }

  /** The page has saved the file of a take without a server: nothing of it is kept any longer. */
  async forget(): Promise<void> {
    await this.#journal?.remove();
    this.close();
  }

  /** Ends every request and gives the journal back. */
  close(): void {
    this.#over = true;
    this.#timelineDueUs = Infinity;
    this.#endRecords();
    this.#life?.stop();
    this.#upload?.close();
    this.#journal?.close();
  }

  #endRecords(): void {
    this.#records?.destroy();
    this.#records = null;
  }

  /** The whole take, and its timeline, which the take itself does not depend on. */
  async #storeWhole(upload: TakeUpload): Promise<void> {
    // Of this take: the engine's next one has a timeline of its own.
    const body = this.#timeline();
    const sent = body ? this.#sendTimeline(body) : Promise.resolve(false);
    try {
      await upload.finish();
    } catch (error) {
      if (this.#left) throw new KeeptakeError('left-for-later', 'The take was left for later: it is kept on this machine.', { cause: error });
      this.#uploadFailed(error);
      throw this.#ended?.error ?? error;
    }
    if ((await sent) || (body && (await this.#storeTimeline(body))) || this.#over) return;
    this.#options.warn('timeline-lost', `The take is stored, but its timeline is not. ${reason(this.#timelineError)}`);
  }

  #timeline(): Uint8Array<ArrayBuffer> | null {
    try {
      return this.#options.recorder.timeline(true);
    } catch (error) {
      this.#timelineError = error;
      return null;
    }
  }

  /** Sends it again and again for a minute, and for longer where it waits for a token; false where the server refuses it or stays away. */
  async #storeTimeline(body: Uint8Array): Promise<boolean> {
    const waits = [...TIMELINE_RETRIES_MS];
    for (let asked = 0; waits.length > 0 && asked < TIMELINE_TRIES; asked++) {
      const wait = isUnauthorized(this.#timelineError) ? TOKEN_WAIT_MS : (waits.shift() ?? 0);
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      if (this.#over || this.#left) return false;
      if (await this.#sendTimeline(body)) return true;
      if (isRefusal(this.#timelineError)) return false;
    }
    return false;
  }

  /** False where that failed. One at a time, so that an older one cannot land on a newer. */
  #sendTimeline(body: Uint8Array): Promise<boolean> {
    const before = this.#sending;
    const sent = (async (): Promise<boolean> => {
      try {
        await before;
        const path = `/recordings/${this.#recordingId}/timeline`;
        await this.#server?.call('PUT', path, body, { contentType: 'application/zlib' });
        return true;
      } catch (error) {
        this.#timelineError = error;
        return false;
      }
    })();
    this.#sending = sent;
    void sent.then(() => {
      if (this.#sending === sent) this.#sending = null;
    });
    return sent;
  }

  /** False where the recording is still on the server. */
  async #deleteRecording(aborted: boolean): Promise<boolean> {
    const { warn } = this.#options;
    const api = this.#server;
    if (!api || this.#recordingId === '') return true;
    // Others had it finished from what had arrived: that is theirs.
    if (this.#ended && this.#ended.stats.safeBytes > 0) return true;
    try {
      await api.call('DELETE', `/recordings/${this.#recordingId}`);
      return true;
    } catch (error) {
      // A co-host may not delete: nothing is left in the store, the recording stays in the list as aborted.
      if (aborted && error instanceof ApiError && error.code === 'forbidden') return true;
      if (error instanceof ApiError && error.apiCode === 'not-found') return true;
      warn('discard-failed', `The discarded take could not be removed from the server. ${reason(error)}`);
      return false;
    }
  }
}

/** The server's own word that asking again is of no use. */
function isRefusal(error: unknown): boolean {
  return error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 401 && error.status !== 408 && error.status !== 429;
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1e6);
}
