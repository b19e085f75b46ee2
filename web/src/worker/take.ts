/**
 * One take from its beginning to its end: every chunk of the engine goes into the journal, then counts as recorded
 * and is uploaded. Finishing, throwing away, and what is left when neither works.
 */

import { ChunkKind, Limit, Status } from '../engine/contract.gen.js';
import { uploadPartBytes, type EngineFrame, type EngineHeap } from '../engine/engine.js';
import { statusError } from '../engine/heap.js';
import { EngineJournal } from '../engine/journal.js';
import { EngineTakeStore, type CountedChunk, type Release, type TakeChunk } from '../engine/take-store.js';
import { JournalStore, type TakeRow } from '../journal/store.js';
import type { EngineSetup, StoredTake } from '../protocol/messages.js';
import { ApiError } from '../server/api.js';
import { ByteLog } from '../journal/byte-log.js';
import { TakeJournal, type JournalTrouble } from '../journal/take-journal.js';
import { LastPicture } from './picture.js';
import type { TakeSink } from './sink.js';
import { BACKLOG_MOST_BYTES, BACKLOG_WARN_BYTES, NO_TAKE, type TakeOptions, type TakeStats } from './take-options.js';
import { TakeServer } from './take-server.js';
import type { UploadEnd } from '../upload/upload-end.js';

/** The timeline so far is sent this often; a long one more rarely, as it is packed anew as a whole: not more than that on average. */
const TIMELINE_US = 10_000_000;
const TIMELINE_BYTES_PER_S = 4096;
/** A start waits no longer for a server while there is a journal: the take begins there. */
const SERVER_PATIENCE_MS = 5000;
const EVENTS_US = 250_000;
const ROOM_US = 10_000_000;
const LOW_ROOM_BYTES = 256 << 20;

export class Take implements TakeSink {
  readonly #options: TakeOptions;
  readonly #log: ByteLog;
  readonly #picture = new LastPicture((jpeg) => void this.#journal?.picture(jpeg));
  /** Null: the take stays on this machine. */
  readonly #server: TakeServer | null;
  #partBytes = 0;
  #journal: TakeJournal | null = null;
  #records: EngineJournal | null = null;
  /** The order of what follows: which piece counts, what may be uploaded and let go of. From open to close. */
  #store: EngineTakeStore | null = null;
  /** Resolves when every chunk so far is journaled, as far as it can be, and counts as recorded. */
  #counted: Promise<void> = Promise.resolve();
  #durationUs = 0;
  #clusters = 0;
  #timelineDueUs = 0;
  #eventsDueUs = 0;
  #roomDueUs = 0;
  #told = { backlog: false, noRoom: false };
  /** Of the file in the store when the take was stopped. */
  #safeAtStop = 0;
  #timelineError: unknown;
  #over = false;

  constructor(options: TakeOptions) {
    this.#options = options;
    this.#log = new ByteLog({
      headerBytes: Limit.headerBytes,
      read: (spans) => this.#journal?.read(spans) ?? Promise.reject(new RangeError('The journal is closed.')),
    });
    this.#server = options.api ? this.#serverOf(options.api) : null;
  }

  #serverOf(api: NonNullable<TakeOptions['api']>): TakeServer {
    const log = this.#log;
    return new TakeServer({
      ...this.#options,
      api,
      limits: this.#options.askLimits,
      log: {
        get end() {
          return log.end;
        },
        range: (offset, bytes) => log.range(offset, bytes),
        release: (offset) => this.#release(offset),
      },
      duration: () => this.#durationUs / 1e6,
      finishUpload: (uploader) => this.#store?.finish(uploader, this.#options.nowUs()),
      onOpen: () => {
        this.#options.onRecording();
        this.#noteRecording();
        this.#countAll();
      },
      onEnded: (ended) => this.#uploadEnded(ended),
    });
  }

  // ---- beginning ------------------------------------------------------------------------------------

  /**
   * Makes the recording, its upload and its journal. A server that is away is waited for in the journal, where there is
   * one. Where this rejects, {@link discard} removes what there is.
   */
  async open(): Promise<void> {
    const { setup, limits, heap, recorder } = this.#options;
    this.#store = new EngineTakeStore(heap, recorder, setup.journal?.keepLocalCopy === true);
    this.#partBytes = uploadPartBytes(heap.module, limits().maxLength * 1e6, setup.videoBitrate + setup.audioBitrate);
    const away = this.#server ? await this.#openServer(this.#server) : null;
    this.#partBytes = this.#server?.partBytes || this.#partBytes;
    if (setup.journal && !this.#over) await this.#openJournal(setup.journal, away !== null);
    if (away === null || this.#over) return;
    if (!this.#journaling) throw away;
    // It may have come while the journal was being opened.
    if (this.#server?.isOpen) this.#noteRecording();
    else this.#server?.openLater(away);
  }

  /** Null: it is open. Else why it is not, of a take that begins without it. */
  async #openServer(server: TakeServer): Promise<ApiError | null> {
    const opening = server.open();
    if (!this.#options.setup.journal) return opening.then(() => null);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const away = new ApiError(
      'server-unreachable',
      `The server did not answer within ${SERVER_PATIENCE_MS / 1000} s.`,
      0,
    );
    const late = new Promise<ApiError>((resolve) => (timer = setTimeout(resolve, SERVER_PATIENCE_MS, away)));
    try {
      return await Promise.race([opening.then(() => null), late]);
    } catch (error) {
      if (error instanceof ApiError && error.retryable) return error;
      throw error;
    } finally {
      clearTimeout(timer);
      opening.catch(() => undefined);
    }
  }

  /** Empty where the server has none of this take, or has not answered. */
  get recordingId(): string {
    return this.#server?.recordingId ?? '';
  }

  get creationKey(): string {
    return this.#options.creationKey;
  }

  /** Nothing on the server was made, or will be, under the take's creation key. */
  get keyIsFree(): boolean {
    return this.#server?.keyIsFree ?? true;
  }

  /** It is ended while it opens: nothing more is begun. To be followed by {@link discard}. */
  abandon(): void {
    this.#over = true;
    this.#server?.abandon();
  }

  /** `whole`: nothing is dropped, because nobody knows the upload yet. */
  async #openJournal(
    { durability, keepLocalCopy, database }: NonNullable<EngineSetup['journal']>,
    whole: boolean,
  ): Promise<void> {
    const { heap, recorder, api } = this.#options;
    const takeId = crypto.getRandomValues(new Uint8Array(Limit.takeIdBytes));
    try {
      const store = await JournalStore.open(database);
      const row = this.#row(Array.from(takeId, (byte) => byte.toString(16).padStart(2, '0')).join(''));
      this.#journal = await TakeJournal.open({
        store,
        row,
        durability,
        onTrouble: (trouble) => this.#journalEnded(trouble),
      });
      if (this.#over) return;
      const keepAll = keepLocalCopy || whole || api === null;
      this.#records = new EngineJournal(heap, recorder, { takeId, partBytes: this.#partBytes, keepAll });
    } catch (error) {
      if (this.#journal) this.#journal.fail(error);
      else this.#journalEnded({ state: 'off', error });
    }
  }

  #row(id: string): TakeRow {
    const { setup, page, api, creationKey } = this.#options;
    return {
      id,
      server: api ? setup.server : null,
      scope: setup.journal?.scope ?? '',
      ...this.#recordingOfRow(),
      creationKey,
      fps: setup.fps,
      videoBitrate: setup.videoBitrate,
      audioBitrate: setup.audioBitrate,
      maxLength: setup.maxLength,
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

  /** What the row says of the recording, which may be made long after the row. */
  #recordingOfRow(): Pick<TakeRow, 'recordingId' | 'organisation' | 'writer' | 'partBytes'> {
    const { recordingId = '', writer = '' } = this.#server ?? {};
    const organisation = this.#options.organisation();
    return {
      recordingId: recordingId === '' ? null : recordingId,
      ...(organisation === '' ? {} : { organisation }),
      ...(writer === '' ? {} : { writer }),
      partBytes: this.#partBytes,
    };
  }

  #noteRecording(): void {
    this.#partBytes = this.#server?.partBytes || this.#partBytes;
    void this.#journal?.write([], this.#recordingOfRow());
  }

  #journalEnded({ state, error }: JournalTrouble): void {
    const ended = this.#server?.ended;
    if (ended) return this.#options.onFailed(ended.error);
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
    if (this.#server?.isOpen && this.#clusters > 0 && now >= this.#timelineDueUs) {
      const bytes = this.#server.sendTimeline(() => this.#timeline());
      this.#timelineDueUs = now + Math.max(TIMELINE_US, (bytes / TIMELINE_BYTES_PER_S) * 1e6);
    }
    if (now < this.#roomDueUs) return;
    this.#roomDueUs = now + ROOM_US;
    void this.#watchRoom();
  }

  /** The picture of this moment, for the list of unfinished takes. */
  picture(heap: EngineHeap, frame: EngineFrame, matrix: VideoMatrixCoefficients): void {
    if (this.#journal?.state === 'on' && !this.#over) this.#picture.offer(this.#options.nowUs(), heap, frame, matrix);
  }

  /** From now on; kept with the take, and sent to the server as soon as that answers. */
  setTitle(title: string): void {
    void this.#journal?.write([], { title, titleDue: this.#server !== null });
    this.#server?.setTitle(title, () => void this.#journal?.write([], { titleDue: false }));
  }

  /** The network is said to be back. */
  wake(): void {
    this.#server?.wake();
  }

  get #journaling(): boolean {
    return this.#records !== null && this.#journal?.state === 'on';
  }

  #nextChunk(): TakeChunk | null {
    if (!this.#store) return null;
    if (!this.#journaling) return this.#store.takeChunk(null);
    try {
      return this.#store.takeChunk(this.#records);
    } catch (error) {
      this.#journal?.fail(error);
      return this.#store.takeChunk(null);
    }
  }

  #keep({ kind, payload, endUs, record }: TakeChunk): void {
    if (this.#over) return;
    if (kind === ChunkKind.patch) this.#log.patch(payload);
    else this.#log.append(payload);
    if (kind === ChunkKind.cluster) {
      this.#durationUs = endUs;
      this.#clusters++;
    }
    const settled =
      record && this.#journal
        ? this.#journal.write([record], this.#progress()).then((ok) => this.#store?.stored(record.sequence, ok))
        : Promise.resolve();
    this.#counted = this.#counted
      .then(() => settled)
      .then(() => this.#countAll())
      .catch((error: unknown) => this.#options.onFailed(error));
  }

  /** Counts what has become safe to count, and gives it to the uploader. */
  #countAll(): void {
    const next = (): CountedChunk | null => {
      const uploader = this.#over ? null : (this.#server?.uploader ?? null);
      return this.#store?.count(uploader, this.#options.nowUs()) ?? null;
    };
    for (let chunk = next(); chunk !== null; chunk = next()) this.#count(chunk);
  }

  #count({ offset, bytes, place, upload }: CountedChunk): void {
    if (place) this.#log.stored(offset, place);
    if (this.#over || bytes === 0) return;
    this.#server?.recorded(bytes);
    if (upload === Status.ERR_LIMIT) throw statusError(upload, 'The take is too long for its upload');
    const held = this.#log.memoryBytes;
    if (held > BACKLOG_WARN_BYTES && !this.#told.backlog)
      this.#warnOfBacklog(`${megabytes(held)} MB wait in this page's memory`);
    if (held < BACKLOG_MOST_BYTES || this.#told.noRoom) return;
    this.#told.noRoom = true;
    this.#options.onNoRoom();
  }

  #progress(): Pick<TakeRow, 'durationUs' | 'fileBytes' | 'safeBytes' | 'clusters'> {
    const { safeBytes } = this.#server?.stats ?? NO_TAKE;
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
    const release = this.#releaseOf(offset);
    if (!release) return;
    this.#log.release(offset, this.#partBytes);
    if (release.record)
      void this.#journal?.write([release.record], { ...this.#progress(), releasedBytes: offset }, release.drops);
  }

  /** Null: with a whole copy here, even a part that the store loses later can be sent again. */
  #releaseOf(offset: number): Release | null {
    if (!this.#store) return null;
    if (!this.#journaling) return this.#store.release(null, offset);
    try {
      return this.#store.release(this.#records, offset);
    } catch (error) {
      this.#journal?.fail(error);
      return this.#store.release(null, offset);
    }
  }

  async #watchRoom(): Promise<void> {
    if (!this.#journaling || this.#told.backlog) return;
    const { quota, usage } = await navigator.storage.estimate().catch((): StorageEstimate => ({}));
    if (quota === undefined || usage === undefined || quota - usage > LOW_ROOM_BYTES) return;
    const unsent = this.#server?.stats.backlogBytes ?? this.#log.end;
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
    const upload = this.#server?.stats;
    return {
      backlogBytes: upload?.backlogBytes ?? 0,
      safeBytes: upload?.safeBytes ?? 0,
      sentBytes: upload?.sentBytes ?? 0,
      uploadState: upload?.state ?? 'idle',
      uploadRetries: upload?.retries ?? 0,
      uploadBitrate: this.#server?.bitrate ?? 0,
      safeIn: this.#server?.safeIn ?? null,
      journalState: this.#records ? (this.#journal?.state ?? 'off') : 'off',
      journalBytes: this.#journal?.bytes ?? 0,
    };
  }

  /** 0..1 of what was not in the store yet when the take was stopped; null without an upload. */
  get progress(): number | null {
    const stats = this.#server?.stats;
    if (!stats || stats.totalBytes <= this.#safeAtStop) return null;
    return Math.max(0, stats.safeBytes - this.#safeAtStop) / (stats.totalBytes - this.#safeAtStop);
  }

  /** Tells the host how sending goes. A failure is final. */
  look(): void {
    this.#server?.look();
  }

  /** Others ended it, which is no reason to end the take as long as the journal holds it. */
  #uploadEnded({ error }: UploadEnd): void {
    if (this.#over) return;
    // Without a journal there is nowhere to go on to.
    if (this.#journaling) this.#options.warn('upload-ended', error.message);
    else this.#options.onFailed(error);
  }

  // ---- the end --------------------------------------------------------------------------------------

  /**
   * Stores everything that waits. The journal of a take in the store is gone afterwards; where the take is a file on
   * this machine, because there is no server or others ended the upload, it is kept until {@link forget}.
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
    // Of this take: the engine's next one has a timeline of its own.
    const body = this.#server ? this.#timeline() : null;
    await this.#counted;
    const server = this.#server;
    this.#safeAtStop = server?.stats.safeBytes ?? 0;
    const stored: StoredTake = {
      recordingId: this.recordingId,
      duration: durationUs / 1e6,
      bytes: this.#log.end,
      timeline,
      scene,
    };
    if (!server || server.ended) return this.#onThisMachine(stored);
    try {
      await server.finish(body, this.#timelineError);
    } catch (error) {
      if (server.ended) return this.#onThisMachine(stored);
      throw error;
    }
    await this.#journal?.remove();
    return { ...stored, recordingId: this.recordingId };
  }

  /** The take as a file: whole, or what the journal still has of it. */
  async #onThisMachine(stored: StoredTake): Promise<StoredTake> {
    const journal = this.#journal;
    const here: StoredTake = { ...stored, recordingId: '', ...(journal ? { journalId: journal.id } : {}) };
    try {
      return { ...here, file: await this.#log.range(0, this.#log.end) };
    } catch (error) {
      const ended = this.#server?.ended?.error;
      if (!ended || !journal) throw ended ?? error;
      // What the store had confirmed is not here any more.
      const local = await journal.local(this.#options.heap).catch(() => Promise.reject(ended));
      return { ...here, file: local.file, bytes: local.file.size, duration: local.duration, missing: local.missing };
    }
  }

  /** While {@link finish} waits for the store: ends that. False where the journal does not have what the store lacks. */
  leave(): boolean {
    if (!this.#journaling || !this.#server) return false;
    this.#server.leave();
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
    try {
      await this.#counted;
      if (await this.#server?.storePrefix(body)) await this.#journal?.remove();
    } catch {
      // The page knows already; what is in the store or in the journal stays there.
    }
    this.close();
  }

  /** Removes the take, here and on the server. Where that is interrupted, recovery goes on with it. */
  async discard(): Promise<void> {
    this.abandon();
    this.#timelineDueUs = Infinity;
    this.#endRecords();
    await this.#journal?.discard();
    const gone = this.#server ? await this.#server.discard() : true;
    if (gone) await this.#journal?.remove();
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
    this.#store?.destroy();
    this.#store = null;
    this.#server?.close();
    this.#journal?.close();
  }

  #endRecords(): void {
    this.#records?.destroy();
    this.#records = null;
  }

  #timeline(): Uint8Array<ArrayBuffer> | null {
    try {
      return this.#options.recorder.timeline(true);
    } catch (error) {
      this.#timelineError = error;
      return null;
    }
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1e6);
}
