/** A video or sound file as a source: played, paused, sought and heard by the host, its picture and sound for the take. */

interface Processor {
  readonly readable: ReadableStream<VideoFrame>;
}

/** Browsers without track generators get a canvas, drawn so often. */
const CANVAS_FPS = 30;
/** While nothing plays the picture is shown again so often, to whoever listens by then. */
const STILL_MS = 1000;
/** A file that has not shown its first picture by then is not going to. */
const OPEN_MS = 15_000;
/** Beyond the end of every file: where a file that hides its length is sought to. */
const UNKNOWN_END_SECONDS = 1e6;

const players = new WeakMap<MediaStream, FilePlayer>();

/** The player behind a source's media; undefined: it is no file. */
export function playerOf(media: MediaStream | undefined): FilePlayer | undefined {
  return media === undefined ? undefined : players.get(media);
}

/** See {@link FilePlayer.open}. Its media are its own; {@link dispose} ends them. */
export class FilePlayer {
  readonly media = new MediaStream();
  /** Asked of the page: play from the beginning when a take begins. */
  withTake = false;
  /** Why it cannot go on; empty while it can. */
  problem = '';
  readonly #video: HTMLVideoElement;
  readonly #url: string;
  readonly #context = new AudioContext({ sampleRate: 48_000 });
  readonly #monitor = new GainNode(this.#context, { gain: 1 });
  readonly #listeners = new Set<() => void>();
  #sink: { write: (frame: VideoFrame) => void; close: () => void } | null = null;
  #still: ReturnType<typeof setInterval> | undefined;
  #pumping: ReadableStreamDefaultReader<VideoFrame> | null = null;

  /**
   * Opens a file at its beginning, paused.
   * @throws {Error} when the browser cannot play it
   */
  static async open(file: Blob, name: string): Promise<FilePlayer> {
    const player = new FilePlayer(file);
    try {
      await player.#prepare();
      return player;
    } catch (error) {
      player.dispose();
      throw new Error(`${name} cannot be played by this browser.`, { cause: error });
    }
  }

  private constructor(file: Blob) {
    this.#url = URL.createObjectURL(file);
    this.#video = document.createElement('video');
    this.#video.playsInline = true;
    this.#video.preload = 'auto';
    players.set(this.media, this);
  }

  /** Called on each change, and as the time goes on. The returned function removes it. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get playing(): boolean {
    return !this.#video.paused && !this.#video.ended;
  }

  /** Seconds. */
  get time(): number {
    return this.#video.currentTime;
  }

  /** Seconds. */
  get duration(): number {
    return Number.isFinite(this.#video.duration) ? this.#video.duration : 0;
  }

  get loop(): boolean {
    return this.#video.loop;
  }

  set loop(loop: boolean) {
    this.#video.loop = loop;
    this.#tell();
  }

  /** The host hears it; the take has its sound in any case. */
  get heard(): boolean {
    return this.#monitor.gain.value > 0;
  }

  set heard(heard: boolean) {
    this.#monitor.gain.value = heard ? 1 : 0;
    this.#tell();
  }

  /** Goes on; from the beginning where it had ended. */
  async play(): Promise<void> {
    await this.#context.resume();
    // A capture of this browser is over with the end of the file.
    if (this.#pumping === null) {
      this.#pump();
    }
    try {
      await this.#video.play();
    } catch (error) {
      // A pause before it began is no fault.
      if (!(error instanceof DOMException && error.name === 'AbortError')) {
        this.problem = 'It cannot be played any further.';
      }
    }
    this.#tell();
  }

  pause(): void {
    this.#video.pause();
  }

  /** Goes to a time, seconds; playing goes on there. */
  seek(seconds: number): void {
    this.#video.currentTime = Math.max(0, Math.min(this.duration, seconds));
    this.#tell();
  }

  dispose(): void {
    clearInterval(this.#still);
    this.#listeners.clear();
    void this.#pumping?.cancel().catch(() => undefined);
    this.#sink?.close();
    this.#video.pause();
    this.#video.removeAttribute('src');
    this.#video.load();
    URL.revokeObjectURL(this.#url);
    this.media.getTracks().forEach((track) => track.stop());
    void this.#context.close().catch(() => undefined);
  }

  async #prepare(): Promise<void> {
    const video = this.#video;
    await happens(video, 'loadeddata', () => (video.src = this.#url));
    if (!Number.isFinite(video.duration)) {
      await happens(video, 'seeked', () => (video.currentTime = UNKNOWN_END_SECONDS));
      await happens(video, 'seeked', () => (video.currentTime = 0));
    }
    const captured = capture(video);
    if (video.videoWidth > 0) {
      const { track, ...sink } = pictures(video);
      this.#sink = sink;
      this.media.addTrack(track);
      this.#pump(captured);
    }
    const out = this.#context.createMediaStreamDestination();
    const source = this.#context.createMediaElementSource(video);
    source.connect(out);
    source.connect(this.#monitor).connect(this.#context.destination);
    if (captured.getAudioTracks().length > 0) {
      out.stream.getAudioTracks().forEach((track) => this.media.addTrack(track));
    }
    if (this.media.getTracks().length === 0) {
      throw new Error('neither picture nor sound');
    }
    for (const type of ['play', 'pause', 'ended', 'seeked', 'timeupdate', 'error']) {
      video.addEventListener(type, () => this.#onEvent(type));
    }
    this.#still = setInterval(() => this.#showStill(), STILL_MS);
    void this.#context.resume();
  }

  #onEvent(type: string): void {
    if (type === 'error') {
      this.problem = 'The file cannot be read any further.';
    }
    if (type === 'seeked' || type === 'pause') {
      this.#showStill();
    }
    this.#tell();
  }

  /** Sends the pictures of a capture on until it ends, which is not the end of the source. */
  #pump(captured: MediaStream = capture(this.#video)): void {
    const track = captured.getVideoTracks()[0];
    const Reader = (globalThis as { MediaStreamTrackProcessor?: new (init: { track: MediaStreamTrack }) => Processor })
      .MediaStreamTrackProcessor;
    if (track === undefined || Reader === undefined || this.#sink === null || !hasGenerator()) {
      return;
    }
    const reader = new Reader({ track }).readable.getReader();
    this.#pumping = reader;
    const next = async (): Promise<void> => {
      for (let got = await reader.read(); !got.done; got = await reader.read()) {
        this.#sink?.write(got.value);
      }
    };
    void next()
      .catch(() => undefined)
      .finally(() => {
        this.#pumping = this.#pumping === reader ? null : this.#pumping;
        track.stop();
      });
  }

  #showStill(): void {
    if (!this.playing && this.#sink !== null && hasGenerator() && this.#video.readyState >= 2) {
      try {
        this.#sink.write(new VideoFrame(this.#video, { timestamp: Math.round(performance.now() * 1000) }));
      } catch {
        // Between two pictures there is none: the next moment has one.
      }
    }
  }

  #tell(): void {
    this.#listeners.forEach((listener) => listener());
  }
}

function hasGenerator(): boolean {
  return globalThis.MediaStreamTrackGenerator !== undefined;
}

function capture(video: HTMLVideoElement): MediaStream {
  const captured = video.captureStream?.() ?? video.mozCaptureStream?.();
  if (captured === undefined) {
    throw new Error('This browser cannot capture a file.');
  }
  return captured;
}

/** A picture track that goes on whatever becomes of what fills it. */
function pictures(video: HTMLVideoElement): {
  track: MediaStreamTrack;
  write: (frame: VideoFrame) => void;
  close: () => void;
} {
  if (globalThis.MediaStreamTrackGenerator !== undefined) {
    const track = new globalThis.MediaStreamTrackGenerator({ kind: 'video' });
    const writer = track.writable.getWriter();
    const write = (frame: VideoFrame): void =>
      void writer
        .write(frame)
        .catch(() => undefined)
        .finally(() => frame.close());
    return { track, write, close: () => void writer.close().catch(() => undefined) };
  }
  const canvas = document.createElement('canvas');
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  const context = canvas.getContext('2d');
  const timer = setInterval(() => context?.drawImage(video, 0, 0, canvas.width, canvas.height), 1000 / CANVAS_FPS);
  const track = canvas.captureStream(CANVAS_FPS).getVideoTracks()[0];
  if (track === undefined) {
    clearInterval(timer);
    throw new Error('This browser cannot capture a canvas.');
  }
  return { track, write: (frame) => frame.close(), close: () => clearInterval(timer) };
}

/** Waits for an event of a video, for its error, or for too long. */
function happens(video: HTMLVideoElement, type: string, act: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = new AbortController();
    const late = setTimeout(() => reject(new Error('it does not open')), OPEN_MS);
    const done = (act: () => void): void => {
      end.abort();
      clearTimeout(late);
      act();
    };
    video.addEventListener(type, () => done(resolve), { signal: end.signal });
    video.addEventListener('error', () => done(() => reject(new Error(video.error?.message ?? 'unreadable'))), {
      signal: end.signal,
    });
    act();
  });
}
