/** The look of `<kt-recovery-modal>`. */

import { css } from 'lit';
import { buttonStyles, dialogStyles, progressStyles, themeStyles } from './theme.js';

/** Styles of the dialog and of one take in it. */
export const recoveryStyles = [
  themeStyles,
  buttonStyles,
  dialogStyles,
  progressStyles,
  css`
    dialog {
      width: min(820px, calc(100vw - 24px));
      padding: 0;
      overflow: hidden;
    }
    dialog[open] {
      display: flex;
      flex-direction: column;
    }
    .head {
      display: grid;
      grid-template-columns: auto minmax(0, 1fr) auto;
      gap: 16px;
      align-items: start;
      padding: 24px 20px 18px 26px;
    }
    .mark {
      display: grid;
      place-items: center;
      width: 46px;
      height: 46px;
      border-radius: 50%;
      background: color-mix(in srgb, var(--_accent) 16%, transparent);
      color: var(--_accent);
    }
    .head p {
      margin-top: 3px;
      text-wrap: pretty;
    }
    .takes,
    ul {
      display: grid;
      gap: 12px;
    }
    ul[hidden] {
      display: none;
    }
    .takes {
      min-height: 0;
      padding: 2px 20px 4px;
      overflow-y: auto;
      scrollbar-width: thin;
      scrollbar-color: var(--_hover) transparent;
    }
    .take {
      display: grid;
      grid-template-columns: 240px minmax(0, 1fr);
      gap: 6px 18px;
      padding: 14px;
      border: 1px solid var(--_line);
      border-radius: calc(var(--_radius) + 2px);
      background: var(--_raised);
    }
    .shot {
      position: relative;
      display: grid;
      place-items: center;
      align-self: start;
      aspect-ratio: 16 / 9;
      border-radius: var(--_radius-small);
      background: var(--_bg);
      color: var(--_edge);
      overflow: hidden;
    }
    .shot img {
      position: absolute;
      inset: 0;
      width: 100%;
      height: 100%;
      object-fit: contain;
    }
    .shot span {
      position: absolute;
      inset-block-end: 7px;
      inset-inline-end: 7px;
      padding: 2px 7px;
      border-radius: 6px;
      background: rgb(6 9 12 / 0.82);
      color: #fff;
      font-size: 0.8125rem;
      font-weight: 600;
      font-variant-numeric: tabular-nums;
    }
    .shot .live {
      inset-block: 7px auto;
      inset-inline: 7px auto;
      background: var(--_record-deep);
    }
    .about {
      display: grid;
      gap: 2px;
      align-content: start;
      min-width: 0;
    }
    h3 {
      margin: 0;
      overflow: hidden;
      font-size: 1.0625rem;
      font-weight: 640;
      letter-spacing: -0.005em;
      text-overflow: ellipsis;
      white-space: nowrap;
    }
    .about p {
      margin-top: 0;
      font-size: 0.8125rem;
    }
    .shares {
      display: grid;
      gap: 7px;
      margin-top: 10px;
    }
    .shares .told {
      color: var(--_text);
      font-size: 0.875rem;
      text-wrap: pretty;
    }
    .bar {
      display: flex;
      gap: 2px;
      height: 8px;
      border-radius: 4px;
      overflow: hidden;
      background: var(--_line);
    }
    .bar i {
      min-width: 3px;
      background: var(--_ok);
    }
    .bar .here {
      background: repeating-linear-gradient(
        -45deg,
        var(--_pause) 0 5px,
        color-mix(in srgb, var(--_pause) 62%, var(--_raised)) 5px 8px
      );
    }
    dl {
      display: flex;
      flex-wrap: wrap;
      gap: 2px 18px;
      font-size: 0.8125rem;
    }
    dl div {
      display: flex;
      align-items: center;
      gap: 7px;
    }
    dl div::before {
      content: '';
      width: 8px;
      height: 8px;
      border-radius: 50%;
      background: var(--_ok);
    }
    dl div.here::before {
      background: var(--_pause);
    }
    dt {
      color: var(--_muted);
    }
    dd {
      font-weight: 600;
      font-variant-numeric: tabular-nums;
    }
    .row {
      display: flex;
      flex-wrap: wrap;
      grid-column: 1 / -1;
      gap: 8px;
      align-items: center;
      margin-top: 8px;
    }
    .row button {
      min-height: 42px;
      white-space: nowrap;
    }
    .row .primary {
      padding: 0 20px;
    }
    .row .gap {
      flex: 1;
    }
    .ask,
    .note,
    .work {
      grid-column: 1 / -1;
      margin-top: 8px;
      padding: 12px 14px;
      border-radius: var(--_radius-small);
    }
    .note {
      --_tone: var(--_pause);
      display: grid;
      grid-template-columns: 20px minmax(0, 1fr);
      gap: 10px;
      background: color-mix(in srgb, var(--_tone) 13%, var(--_surface));
    }
    .note.info {
      --_tone: var(--_accent);
    }
    .note.good {
      --_tone: var(--_ok);
    }
    .note svg {
      color: var(--_tone);
    }
    .ask {
      background: color-mix(in srgb, var(--_record) 12%, var(--_surface));
    }
    .ask .row {
      margin-top: 12px;
    }
    dialog .ask p,
    dialog .note p {
      margin-top: 2px;
      color: color-mix(in srgb, var(--_muted) 55%, var(--_text));
      font-size: 0.8125rem;
    }
    .note.undo {
      display: flex;
      gap: 10px;
      align-items: center;
    }
    .note.undo > div {
      flex: 1 1 auto;
    }
    .work {
      display: grid;
      grid-template-columns: minmax(0, 1fr) auto;
      gap: 6px 14px;
      align-items: center;
      background: var(--_surface);
    }
    .work .step {
      display: flex;
      justify-content: space-between;
      gap: 12px;
      font-variant-numeric: tabular-nums;
    }
    .work .step span {
      color: var(--_muted);
    }
    .work progress {
      grid-row: 2;
    }
    .work button {
      grid-row: 1 / 3;
      grid-column: 2;
    }
    .foot {
      display: flex;
      flex-wrap: wrap;
      align-items: center;
      justify-content: space-between;
      gap: 4px 14px;
      padding: 12px 20px 16px 26px;
    }
    dialog .foot p {
      flex: 1 1 220px;
      margin: 0;
      font-size: 0.8125rem;
    }
    @media (max-width: 600px) {
      .head {
        gap: 12px;
        padding: 18px 10px 12px 16px;
      }
      .mark {
        width: 38px;
        height: 38px;
      }
      dialog h2 {
        font-size: 1.125rem;
      }
      .takes {
        padding: 2px 12px 4px;
      }
      .take {
        grid-template-columns: minmax(0, 1fr);
        gap: 10px;
        padding: 12px;
      }
      .shot {
        max-height: 24dvh;
        width: 100%;
      }
      .row {
        margin-top: 2px;
      }
      .row > button {
        flex: 1 1 40%;
      }
      .row .primary {
        flex-basis: 100%;
        min-height: 48px;
      }
      .row .gap {
        display: none;
      }
      .work {
        grid-template-columns: minmax(0, 1fr);
      }
      .work .step {
        flex-wrap: wrap;
      }
      .work button {
        grid-area: 3 / 1;
        min-height: 44px;
        margin-top: 4px;
      }
      .foot {
        padding: 8px 12px 12px 16px;
      }
      .foot button {
        width: 100%;
        min-height: 44px;
      }
    }
    /* A phone on its side. */
    @media (max-height: 460px) {
      .mark,
      .foot p {
        display: none;
      }
      .head {
        grid-template-columns: minmax(0, 1fr) auto;
        padding-block: 12px 8px;
      }
      .foot {
        padding-block: 6px 8px;
      }
    }
  `,
];
