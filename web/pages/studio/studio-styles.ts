/** The studio's layout: picture large, panel beside it (below it on a phone), controls at the bottom. */

import { css } from 'lit';
import { buttonStyles, themeStyles } from '../../elements/theme.js';

/** Styles of `<keeptake-studio>`. */
export const studioStyles = [
  themeStyles,
  buttonStyles,
  css`
    :host {
      display: block;
      height: 100%;
      background: var(--_bg);
    }
    .studio {
      display: grid;
      grid-template: auto minmax(0, 1fr) auto / minmax(0, 1fr) clamp(340px, 25vw, 420px);
      grid-template-areas: 'header header' 'stage panel' 'footer footer';
      height: 100%;
    }
    header {
      grid-area: header;
      display: flex;
      align-items: center;
      gap: 12px;
      height: 60px;
      padding: 0 14px 0 20px;
      border-bottom: 1px solid var(--_line);
      background: var(--_surface);
    }
    h1 {
      display: flex;
      align-items: center;
      gap: 10px;
      margin: 0;
      font-size: 1.0625rem;
      font-weight: 680;
      letter-spacing: -0.015em;
    }
    .title {
      flex: 0 1 340px;
      min-width: 60px;
      height: 36px;
      margin: 0 auto 0 6px;
      padding: 0 10px;
      border: 1px solid transparent;
            border-radius: var(--_radius-small);
      background: transparent;
      color: var(--_text);
      font: 500 0.9375rem/1 var(--_font);
      text-overflow: ellipsis;
    }
    .title::placeholder {
      color: var(--_muted);
      opacity: 1;
    }
    .title:hover {
      border-color: var(--_line);
      background: var(--_raised);
    }
    .title:focus {
      border-color: var(--_edge);
      background: var(--_bg);
    }
    button.unfinished {
      border-color: color-mix(in srgb, var(--_pause) 45%, transparent);
      background: color-mix(in srgb, var(--_pause) 12%, transparent);
      color: var(--_pause);
    }
    button.unfinished:hover:not(:disabled) {
      background: color-mix(in srgb, var(--_pause) 20%, transparent);
      color: var(--_pause);
    }
    .unfinished b {
      font-variant-numeric: tabular-nums;
    }
    .stage {
      grid-area: stage;
      display: flex;
      flex-direction: column;
      gap: 14px;
      min-width: 0;
      min-height: 0;
      padding: 22px;
      overflow: hidden;
    }
    studio-banners:not([filled]):empty {
      margin-bottom: -14px;
    }
    kt-preview {
      flex: 1;
      min-height: 0;
    }
    kt-player {
      flex: 1;
    }
    .empty {
      display: grid;
      gap: 6px;
      max-width: 340px;
      color: var(--_muted);
    }
    .empty strong {
      color: var(--_text);
      font-size: 1.125rem;
    }
    aside {
      grid-area: panel;
      display: flex;
      flex-direction: column;
      min-height: 0;
      border-inline-start: 1px solid var(--_line);
      background: var(--_surface);
    }
    .tabs {
      display: grid;
      grid-template-columns: repeat(5, minmax(0, auto));
      padding: 0 8px;
      border-bottom: 1px solid var(--_line);
    }
    .tabs button {
      flex-direction: column;
      gap: 4px;
      min-height: 62px;
      padding: 0 2px;
      border: 0;
      border-radius: 0;
      background: none;
      color: var(--_muted);
      font-size: 0.75rem;
      box-shadow: inset 0 -2px transparent;
    }
    .tabs button:hover {
      background: none;
      color: var(--_text);
    }
    .tabs button:focus-visible {
      outline-offset: -3px;
    }
    .tabs [aria-selected='true'] {
      color: var(--_accent);
      box-shadow: inset 0 -2px var(--_accent);
    }
    .panel {
      flex: 1;
      min-height: 0;
      padding: 20px;
      overflow-y: auto;
      scrollbar-width: thin;
      scrollbar-color: var(--_hover) transparent;
    }
    .panel > [hidden] {
      display: none;
    }
    .panel > studio-marks {
      margin-top: 26px;
    }
    .check {
      margin-top: 10px;
    }
    section + section {
      margin-top: 26px;
    }
    section h2 {
      margin-bottom: 10px;
      color: var(--_muted);
      font-size: 0.8125rem;
      font-weight: 600;
    }
    footer {
      grid-area: footer;
      display: grid;
      grid-template-columns: 1fr auto 1fr;
      align-items: center;
      gap: 16px;
      min-height: 88px;
      padding: 12px 22px calc(12px + env(safe-area-inset-bottom));
      border-top: 1px solid var(--_line);
      background: var(--_surface);
    }
    .recording footer {
      box-shadow: inset 0 3px var(--_record);
    }
    .paused footer {
      box-shadow: inset 0 3px var(--_pause);
    }
    .mine {
      display: flex;
      gap: 10px;
      align-items: center;
    }
    .mine kt-level {
      width: 88px;
    }
    button.round {
      width: 48px;
      height: 48px;
      border-radius: 50%;
    }
    button.round.off {
      border-color: transparent;
      background: color-mix(in srgb, var(--_record) 22%, var(--_raised));
      color: color-mix(in srgb, var(--_record) 60%, var(--_text));
    }
    .figures {
      display: flex;
      flex-wrap: wrap;
      align-items: center;
      justify-content: flex-end;
      gap: 4px 20px;
    }
    .quality {
      color: var(--_muted);
      font-size: 0.8125rem;
      font-variant-numeric: tabular-nums;
    }
    .facts {
      display: grid;
      gap: 16px;
      padding: 26px 24px;
      overflow-y: auto;
    }
    .facts p {
      color: var(--_muted);
    }
    .done {
      display: flex;
      align-items: center;
      gap: 10px;
      font-size: 1.125rem;
    }
    .done svg {
      padding: 3px;
      border-radius: 50%;
      background: var(--_ok);
      color: var(--_surface);
    }
    dl {
      margin: 0;
    }
    dl div {
      display: flex;
      justify-content: space-between;
      gap: 16px;
      padding: 9px 0;
      border-top: 1px solid var(--_line);
    }
    dt {
      color: var(--_muted);
    }
    dd {
      font-weight: 550;
      font-variant-numeric: tabular-nums;
    }
    .facts .wide {
      min-height: 48px;
    }
    .facts .hint {
      margin-top: -6px;
      font-size: 0.8125rem;
      text-align: center;
    }
    @media (max-width: 860px) {
      .studio {
        grid-template: auto auto minmax(0, 1fr) auto / minmax(0, 1fr);
        grid-template-areas: 'header' 'stage' 'panel' 'footer';
      }
      header {
        gap: 4px;
        height: 54px;
        padding: 0 6px 0 12px;
      }
      h1 span,
      header button span {
        position: absolute;
        width: 1px;
        overflow: hidden;
        clip-path: inset(50%);
      }
      header button {
        width: 44px;
        padding: 0;
      }
      header .unfinished {
        gap: 4px;
        width: auto;
        padding: 0 8px;
      }
      .title {
        flex: 1 1 0;
        margin: 0;
        padding: 0 8px;
      }
      .stage {
        padding: 12px;
        gap: 14px;
      }
      kt-preview {
        flex: none;
        width: 100%;
        height: min(56.25vw, 42dvh);
      }
      .playback {
        grid-template-rows: auto minmax(0, 1fr) auto;
        grid-template-areas: 'header' 'stage' 'panel';
      }
      .playback .stage {
        overflow-y: auto;
      }
      .playback aside {
        max-height: 46dvh;
      }
      kt-player {
        min-height: 300px;
      }
      aside {
        border-top: 1px solid var(--_line);
        border-inline-start: 0;
      }
      .tabs button {
        min-height: 56px;
      }
      .panel {
        padding: 16px 14px;
      }
      .facts {
        gap: 12px;
        padding: 18px 16px;
      }
      footer {
        grid-template-columns: auto 1fr;
        gap: 8px;
        min-height: 72px;
        padding: 8px 12px calc(8px + env(safe-area-inset-bottom));
      }
      .mine {
        gap: 6px;
      }
      button.round {
        width: 44px;
        height: 44px;
      }
      .figures {
        grid-column: 1 / -1;
        justify-content: center;
      }
      .figures > :not(studio-room),
      .mine kt-level {
        display: none;
      }
      kt-controls {
        justify-self: center;
      }
      .recording footer,
      .paused footer,
      .stopping footer {
        grid-template-columns: 1fr;
        justify-items: center;
      }
    }
    /* 400 % zoom and small windows: the page scrolls as a whole, nothing is cut off. */
    @media (max-width: 860px) and (max-height: 560px), (max-width: 340px) {
      :host {
        overflow-y: auto;
      }
      .studio,
      .playback {
        grid-template: auto auto auto auto / minmax(0, 1fr);
        grid-template-areas: 'header' 'stage' 'panel' 'footer';
        height: auto;
        min-height: 100%;
      }
      .panel,
      .facts,
      .playback aside {
        max-height: none;
        overflow: visible;
      }
      footer {
        grid-template-columns: minmax(0, 1fr);
        justify-items: center;
      }
    }
    /* Where there is room, the controls stay at hand while the page scrolls. */
    @media (max-width: 340px) and (min-height: 480px) {
      footer {
        position: sticky;
        bottom: 0;
        z-index: 1;
        gap: 4px;
        padding-block: 6px;
      }
    }
    /* A phone on its side: the picture beside the panel again. */
    @media (max-height: 500px) and (min-width: 600px) {
      .studio,
      .playback {
        grid-template: auto minmax(0, 1fr) auto / minmax(0, 1fr) 300px;
        grid-template-areas: 'header header' 'stage panel' 'footer footer';
      }
      header {
        height: 48px;
      }
      .stage {
        padding: 10px;
      }
      kt-preview {
        flex: 1;
        height: auto;
      }
      kt-player {
        min-height: 0;
      }
      .playback aside {
        max-height: none;
      }
      aside {
        border-top: 0;
        border-inline-start: 1px solid var(--_line);
      }
      .tabs button {
        min-height: 44px;
      }
      .tabs span {
        position: absolute;
        width: 1px;
        overflow: hidden;
        clip-path: inset(50%);
      }
      footer {
        min-height: 60px;
        padding-block: 4px;
      }
    }
  `,
];
