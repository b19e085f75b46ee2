/** The tracks of one source, as they are at this moment. */

export type Media = MediaStream | MediaStreamTrack[] | SourceTracks;

export class SourceTracks {
  readonly #stream: MediaStream | null;
  readonly #given: MediaStreamTrack[];
  /** Put in here, where no page can know of them and stop them. */
  readonly #own = new Set<MediaStreamTrack>();
  #uses = 0;

  /** A stream is followed: what the page adds to it or removes belongs to the source or does not from then on. */
  constructor(media: MediaStream | MediaStreamTrack[]) {
    this.#stream = Array.isArray(media) ? null : media;
    this.#given = Array.isArray(media) ? [...media] : [];
  }

  static of(media: Media): SourceTracks {
    return media instanceof SourceTracks ? media : new SourceTracks(media);
  }

  all(): MediaStreamTrack[] {
    return this.#stream?.getTracks() ?? [...this.#given];
  }

  of(kind: 'audio' | 'video'): MediaStreamTrack[] {
    return this.all().filter((track) => track.kind === kind);
  }

  has(track: MediaStreamTrack): boolean {
    return this.all().includes(track);
  }

  /** Puts `fresh` where `lost` was: into the page's stream, whose track it then is, or into those that it gave. */
  replace(lost: MediaStreamTrack, fresh: MediaStreamTrack): void {
    if (this.#stream) {
      this.#stream.removeTrack(lost);
      this.#stream.addTrack(fresh);
      return;
    }
    this.#given.splice(this.#given.indexOf(lost), 1, fresh);
    this.#own.add(fresh);
  }

  /** Somebody reads the tracks, until {@link release}. */
  use(): this {
    this.#uses++;
    return this;
  }

  release(): void {
    if (--this.#uses === 0) for (const track of this.#own) track.stop();
  }
}

/** Only devices belong to a group: other tracks are a tab's, a remote person's, a page's own. */
export function isDevice(track: MediaStreamTrack): boolean {
  return track.getSettings().groupId !== undefined;
}

/** Whether the track shows a screen, a window or a tab, as far as the browser says. */
export function isScreen(track: MediaStreamTrack): boolean {
  const settings = track.getSettings() as MediaTrackSettings & { displaySurface?: string };
  return track.kind === 'video' && settings.displaySurface !== undefined;
}
