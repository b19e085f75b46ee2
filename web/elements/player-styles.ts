/** How `<kt-player>` looks. */

import { css } from 'lit';

export const playerStyles = css`
  :host {
    display: flex;
    flex-direction: column;
    gap: 12px;
    min-height: 0;
  }
  .screen {
    position: relative;
    flex: 1;
    display: grid;
    min-height: 160px;
    border-radius: var(--kt-preview-radius, 10px);
    overflow: hidden;
    background: #000;
  }
  video {
    position: absolute;
    inset: 0;
    width: 100%;
    height: 100%;
    object-fit: contain;
    cursor: pointer;
  }
  .over {
    position: absolute;
    inset: 0;
    display: grid;
    place-content: center;
    justify-items: center;
    gap: 12px;
    padding: 20px;
    /* Over the picture it is always light on dark. */
    color-scheme: dark;
    color: var(--_muted);
    text-align: center;
    pointer-events: none;
  }
  .over[role='alert'] {
    background: rgb(8 11 15 / 0.82);
  }
  .note:not(:empty) {
    padding: 10px 12px;
    border: 1px solid var(--_pause);
    border-radius: var(--_radius-small);
  }
  .over strong {
    color: var(--_text);
  }
  .over button {
    pointer-events: auto;
  }
  .big {
    display: grid;
    place-items: center;
    width: 76px;
    height: 76px;
    border-radius: 50%;
    background: rgb(8 11 15 / 0.74);
    color: #fff;
  }
  .spinner {
    width: 44px;
    height: 44px;
    border: 4px solid rgb(8 11 15 / 0.74);
    border-top-color: var(--_accent);
    border-radius: 50%;
    background: rgb(8 11 15 / 0.5);
    animation: turn 0.9s linear infinite;
  }
  @keyframes turn {
    to {
      transform: rotate(1turn);
    }
  }
  .bar {
    display: grid;
    gap: 4px;
  }
  .row {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 6px;
  }
  .time {
    margin: 0 8px;
    color: var(--_muted);
    font-variant-numeric: tabular-nums;
    white-space: nowrap;
  }
  .time b {
    color: var(--_text);
    font-weight: 620;
  }
  .gap {
    flex: 1;
  }
  .row select {
    width: auto;
    min-width: 84px;
    margin: 0;
  }
  button.play {
    width: 48px;
    height: 48px;
    border-radius: 50%;
    background: var(--_text);
    color: var(--_bg);
  }
  button.play:hover:not(:disabled) {
    background: color-mix(in srgb, var(--_text) 86%, var(--_bg));
  }
  .scene {
    display: grid;
    gap: 10px;
    padding: 14px;
    border: 1px solid var(--_line);
    border-radius: var(--_radius);
    background: var(--_surface);
  }
  .scene header {
    display: flex;
    align-items: center;
    justify-content: space-between;
    gap: 10px;
  }
  pre {
    max-height: 38vh;
    margin: 0;
    padding: 12px;
    border-radius: var(--_radius-small);
    overflow: auto;
    background: var(--_bg);
    color: var(--_text);
    font:
      0.75rem/1.5 ui-monospace,
      'Cascadia Code',
      'SF Mono',
      Menlo,
      Consolas,
      monospace;
  }
  @media (max-width: 560px) {
    .time {
      order: -1;
      flex-basis: 100%;
      margin: 0 2px;
    }
    .wideonly {
      position: absolute;
      width: 1px;
      overflow: hidden;
      clip-path: inset(50%);
    }
  }
`;
