/** The look of `<kt-sound-check>`. */

import { css } from 'lit';

export const soundCheckStyles = css`
  :host {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 22px;
  }
  section {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 10px;
    justify-items: start;
  }
  section > * {
    max-width: 100%;
  }
  section > select,
  section > kt-level,
  section > progress,
  section > div,
  .words {
    width: 100%;
  }
  h3 {
    display: flex;
    align-items: center;
    gap: 8px;
    font-size: 0.9375rem;
    font-weight: 620;
  }
  h3 svg {
    color: var(--_muted);
  }
  select {
    margin-top: 0;
  }
  kt-level {
    --kt-level-height: 12px;
  }
  .words {
    display: flex;
    gap: 8px;
    min-height: 2.9em;
    margin: 0;
    font-weight: 550;
  }
  .words svg {
    margin-top: 1px;
  }
  .words.good svg {
    color: var(--_ok);
  }
  .words.bad,
  .words.bad svg {
    color: var(--_pause);
  }
  .switches {
    display: grid;
    gap: 4px;
  }
  .switch small {
    display: block;
    color: var(--_muted);
    font-size: 0.8125rem;
    line-height: 1.35;
  }
  .switch {
    padding: 4px 0;
  }
  .note {
    margin: 0;
    color: var(--_muted);
    font-size: 0.8125rem;
  }
  .problem {
    margin: 0;
    padding: 10px 12px;
    border-radius: var(--_radius-small);
    background: color-mix(in srgb, var(--_pause) 12%, var(--_surface));
    font-size: 0.8125rem;
  }
  video {
    display: block;
    width: 100%;
    border-radius: var(--_radius-small);
    background: #000;
  }
  audio {
    width: 100%;
  }
`;
