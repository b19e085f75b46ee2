/** The look shared by every element: private tokens filled from the public `--kt-…` properties, and common parts. */

import { css } from 'lit';

/** Tokens, text and focus; first in every element's style list. */
export const themeStyles = css`
  :host {
    --_bg: var(--kt-color-background, light-dark(#eef1f4, #0a0d11));
    --_surface: var(--kt-color-surface, light-dark(#ffffff, #12161c));
    --_raised: var(--kt-color-raised, light-dark(#f3f5f8, #1a2029));
    --_hover: var(--kt-color-hover, light-dark(#e3e8ee, #242c37));
    --_line: var(--kt-color-line, light-dark(rgb(14 22 32 / 0.16), rgb(255 255 255 / 0.09)));
    --_edge: var(--kt-color-edge, light-dark(#6d7b8d, #647184));
    --_text: var(--kt-color-text, light-dark(#12181f, #eff3f7));
    --_muted: var(--kt-color-muted, light-dark(#4b5766, #a3afbf));
    --_accent: var(--kt-color-accent, light-dark(#0b6b60, #5ed3c2));
    --_on-accent: var(--kt-color-on-accent, light-dark(#ffffff, #04211d));
    --_record: var(--kt-color-record, light-dark(#c41f2c, #ff4d57));
    --_record-deep: var(--kt-color-record-deep, light-dark(#c41f2c, #d92533));
    --_pause: var(--kt-color-pause, light-dark(#7d5200, #ffb938));
    --_ok: var(--kt-color-ok, light-dark(#0f6b3c, #56d892));
    --_on-pause: var(--kt-color-on-pause, light-dark(#ffffff, #271800));
    --_on-record: var(--kt-color-on-record, #ffffff);
    --_knob: var(--kt-color-knob, light-dark(#12181f, #ffffff));
    --_radius: var(--kt-radius, 12px);
    --_radius-small: var(--kt-radius-small, 8px);
    --_focus: var(--kt-color-focus, light-dark(#0a5a93, #9fe9dd));
    --_font: var(
      --kt-font,
      'Inter Variable',
      'Inter',
      'Segoe UI Variable Text',
      'Segoe UI',
      system-ui,
      -apple-system,
      'Helvetica Neue',
      'Noto Sans',
      sans-serif
    );
    --_target: var(--kt-target-size, 36px);
    box-sizing: border-box;
    color: var(--_text);
    font: 400 0.875rem/1.45 var(--_font);
    -webkit-font-smoothing: antialiased;
  }
  @media (pointer: coarse) {
    :host {
      --_target: var(--kt-target-size, 44px);
    }
  }
  :host([hidden]) {
    display: none !important;
  }
  *,
  *::before,
  *::after {
    box-sizing: border-box;
  }
  svg {
    display: block;
    flex: none;
  }
  :focus-visible {
    outline: 2px solid var(--_focus);
    outline-offset: 2px;
  }
  .sr {
    position: absolute;
    width: 1px;
    height: 1px;
    margin: -1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
  h2,
  h3,
  p,
  ul,
  dl,
  dd {
    margin: 0;
    padding: 0;
  }
  ul {
    list-style: none;
  }
  @media (prefers-contrast: more) {
    :host {
      --_line: var(--kt-color-line, var(--_edge));
      --_edge: var(--kt-color-edge, var(--_muted));
      --_muted: var(--kt-color-muted, var(--_text));
    }
  }
  /* Forced colours: what is drawn with backgrounds only gets borders, what is chosen gets the system's own mark. */
  @media (forced-colors: active) {
    :host {
      --_line: ButtonBorder;
      --_edge: ButtonBorder;
      --_accent: Highlight;
      --_on-accent: HighlightText;
      --_knob: ButtonText;
      --_focus: Highlight;
    }
    [aria-selected='true'],
    [aria-checked='true'],
    [aria-pressed='true'],
    label:has(input[type='radio']:checked) {
      outline: 3px solid Highlight;
      outline-offset: -3px;
    }
    :focus-visible {
      outline: 3px solid Highlight;
      outline-offset: 2px;
    }
    [role='meter'],
    progress {
      border: 1px solid CanvasText;
      background: Canvas !important;
      forced-color-adjust: none;
    }
    [role='meter'] {
      height: 8px;
    }
    [role='meter'] > i {
      background: CanvasText !important;
    }
    /* Not the inputs that lie unseen over what is drawn for them. */
    :disabled:not([type='file'], [type='radio'], [type='color']),
    [aria-disabled='true'] {
      color: GrayText;
      border-color: GrayText;
      opacity: 1 !important;
    }
  }
  @media (prefers-reduced-motion: reduce) {
    *,
    *::before,
    *::after {
      animation-duration: 0.01ms !important;
      animation-iteration-count: 1 !important;
      transition-duration: 0.01ms !important;
    }
  }
`;

/** Push buttons: plain, `primary`, `danger`, `quiet`, `icon`. */
export const buttonStyles = css`
  button {
    appearance: none;
    display: inline-flex;
    align-items: center;
    justify-content: center;
    gap: 8px;
    min-height: var(--_target);
    padding: 0 14px;
    border: 1px solid var(--_line);
    border-radius: var(--_radius-small);
    background: var(--_raised);
    color: var(--_text);
    font: 550 0.875rem/1.2 var(--_font);
    cursor: pointer;
    transition:
      background 0.14s,
      border-color 0.14s,
      color 0.14s,
      transform 0.14s;
    -webkit-tap-highlight-color: transparent;
  }
  button:hover:not(:disabled) {
    background: var(--_hover);
  }
  button:active:not(:disabled) {
    transform: translateY(1px);
  }
  button:disabled {
    cursor: default;
    opacity: 0.42;
  }
  button.primary {
    border-color: transparent;
    background: var(--_accent);
    color: var(--_on-accent);
    font-weight: 650;
  }
  button.primary:hover:not(:disabled) {
    background: color-mix(in srgb, var(--_accent) 86%, var(--_text));
  }
  button.danger {
    border-color: transparent;
    background: var(--_record-deep);
    color: var(--_on-record);
  }
  button.danger:hover:not(:disabled) {
    background: color-mix(in srgb, var(--_record-deep) 88%, black);
  }
  button.quiet {
    border-color: transparent;
    background: transparent;
    color: var(--_muted);
  }
  button.quiet:hover:not(:disabled) {
    background: var(--_raised);
    color: var(--_text);
  }
  button.icon {
    width: var(--_target);
    padding: 0;
  }
  button.wide {
    width: 100%;
  }
`;

/** Text fields, selects, ranges, switches and their labels. */
export const fieldStyles = css`
  label,
  .label {
    display: block;
    color: var(--_muted);
    font-size: 0.8125rem;
    font-weight: 500;
  }
  input[type='text'],
  input[type='number'],
  select,
  textarea {
    width: 100%;
    min-height: var(--_target);
    margin-top: 6px;
    padding: 7px 11px;
    border: 1px solid color-mix(in srgb, var(--_edge) 72%, transparent);
    border-radius: var(--_radius-small);
    background: var(--_bg);
    color: var(--_text);
    font: 450 0.875rem/1.4 var(--_font);
    transition: border-color 0.14s;
  }
  select {
    appearance: none;
    padding-inline-end: 32px;
    background-image: url("data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='16' height='16' fill='none' stroke='%23a3afbf' stroke-width='1.75' stroke-linecap='round' stroke-linejoin='round'%3E%3Cpath d='m4 6.5 4 4 4-4'/%3E%3C/svg%3E");
    background-repeat: no-repeat;
    background-position: right 10px center;
  }
  select:dir(rtl) {
    background-position: left 10px center;
  }
  select {
    text-overflow: ellipsis;
  }
  input:hover,
  select:hover {
    border-color: var(--_edge);
  }
  input::placeholder {
    color: color-mix(in srgb, var(--_muted) 80%, var(--_bg));
  }
  input[type='range'] {
    appearance: none;
    width: 100%;
    height: 24px;
    margin: 0;
    background: transparent;
    cursor: pointer;
    --_fill: 0%;
  }
  input[type='range']:dir(rtl) {
    --_inline: 270deg;
  }
  input[type='range']::-webkit-slider-runnable-track {
    height: 4px;
    border-radius: 2px;
    background: linear-gradient(
      var(--_inline, 90deg),
      var(--_accent) var(--_fill),
      color-mix(in srgb, var(--_edge) 60%, transparent) var(--_fill)
    );
  }
  input[type='range']::-moz-range-track {
    height: 4px;
    border-radius: 2px;
    background: color-mix(in srgb, var(--_edge) 60%, transparent);
  }
  input[type='range']::-moz-range-progress {
    height: 4px;
    border-radius: 2px;
    background: var(--_accent);
  }
  input[type='range']::-webkit-slider-thumb {
    appearance: none;
    width: 16px;
    height: 16px;
    margin-top: -6px;
    border-radius: 50%;
    background: var(--_knob);
    box-shadow: 0 1px 4px rgb(0 0 0 / 0.5);
  }
  input[type='range']::-moz-range-thumb {
    width: 16px;
    height: 16px;
    border: 0;
    border-radius: 50%;
    background: var(--_knob);
  }
  .switch {
    display: flex;
    align-items: center;
    justify-content: space-between;
    gap: 12px;
    min-height: var(--_target);
    color: var(--_text);
    font-size: 0.875rem;
    cursor: pointer;
  }
  .switch input {
    appearance: none;
    position: relative;
    flex: none;
    width: 38px;
    height: 22px;
    margin: 0;
    border: 1px solid var(--_edge);
    border-radius: 11px;
    background: transparent;
    cursor: pointer;
    transition:
      background 0.16s,
      border-color 0.16s;
  }
  .switch input::before {
    content: '';
    position: absolute;
    inset-block: 3px;
    inset-inline-start: 3px;
    width: 14px;
    border-radius: 50%;
    background: var(--_muted);
    transition:
      transform 0.16s,
      background 0.16s;
  }
  .switch input:checked {
    border-color: var(--_accent);
    background: var(--_accent);
  }
  .switch input:checked::before {
    background: var(--_on-accent);
    transform: translateX(16px);
  }
  .switch input:checked:dir(rtl)::before {
    transform: translateX(-16px);
  }
  @media (forced-colors: active) {
    input[type='range'] {
      appearance: auto;
      accent-color: Highlight;
      forced-color-adjust: none;
    }
    .switch input {
      appearance: auto;
      width: 20px;
      height: 20px;
    }
    .switch input::before {
      content: none;
    }
  }
`;

/** Bars of `<progress>`. */
/** A place to choose a file at: `<label class="file">` around the field. */
export const fileStyles = css`
  .file {
    position: relative;
    border: 1.5px dashed color-mix(in srgb, var(--_edge) 80%, transparent);
    border-radius: var(--_radius);
    color: var(--_text);
    cursor: pointer;
  }
  .file:hover {
    border-color: var(--_accent);
  }
  .file:has(:focus-visible) {
    outline: 2px solid var(--_focus);
    outline-offset: 2px;
  }
  .file input {
    position: absolute;
    inset: 0;
    width: 100%;
    height: 100%;
    opacity: 0;
    cursor: pointer;
  }
`;

export const progressStyles = css`
  progress {
    appearance: none;
    width: 100%;
    height: 7px;
    border: 0;
    border-radius: 4px;
    overflow: hidden;
    background: var(--_line);
  }
  progress::-webkit-progress-bar {
    background: transparent;
  }
  progress::-webkit-progress-value {
    border-radius: 4px;
    background: var(--_accent);
    transition: inline-size 0.2s;
  }
  progress::-moz-progress-bar {
    background: var(--_accent);
  }
  @media (forced-colors: active) {
    progress {
      appearance: auto;
      accent-color: Highlight;
    }
  }
`;

/** Modal dialogs made of `<dialog>`. */
export const dialogStyles = css`
  dialog {
    width: min(440px, calc(100vw - 32px));
    max-height: calc(100dvh - 32px);
    padding: 28px;
    border: 1px solid var(--_line);
    border-radius: calc(var(--_radius) + 6px);
    background: var(--_surface);
    color: var(--_text);
    box-shadow: 0 32px 90px rgb(0 0 0 / 0.6);
  }
  dialog::backdrop {
    background: rgb(5 7 10 / 0.66);
    backdrop-filter: blur(3px);
  }
  dialog[open] {
    animation: kt-dialog 0.18s ease-out;
  }
  @keyframes kt-dialog {
    from {
      opacity: 0;
      transform: translateY(8px) scale(0.985);
    }
  }
  dialog h2 {
    font-size: 1.25rem;
    font-weight: 650;
    letter-spacing: -0.01em;
  }
  dialog p {
    margin-top: 8px;
    color: var(--_muted);
  }
  .actions {
    display: flex;
    flex-wrap: wrap;
    gap: 10px;
    margin-top: 22px;
  }
  .actions button {
    flex: 1 1 auto;
    min-height: 44px;
  }
`;
