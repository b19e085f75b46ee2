/** The look of `<kt-controls>`. */

import { css } from 'lit';

export const controlsStyles = css`
  :host {
    display: block;
  }
  .row {
    display: flex;
    align-items: center;
    justify-content: center;
    gap: 10px;
  }
  /* As wide as the time, so that the buttons stand in the middle. */
  :host([hide-badge]) .row::after {
    content: '';
    width: 4.4ch;
    font-size: 1.25rem;
    font-weight: 600;
  }
  .ways button {
    flex: 1 1 auto;
    max-width: 100%;
    padding-block: 6px;
    white-space: normal;
  }
  .ways {
    display: flex;
    flex-wrap: wrap;
    gap: 8px;
  }
  .row > button {
    min-height: 44px;
    border-radius: 22px;
    padding: 0 18px;
    white-space: nowrap;
  }
  .time {
    min-width: 4.4ch;
    color: var(--_muted);
    font-size: 1.25rem;
    font-weight: 600;
    font-variant-numeric: tabular-nums;
    letter-spacing: 0.01em;
    text-align: center;
  }
  .time.live {
    color: var(--_text);
  }
  .time.paused {
    color: var(--_pause);
  }
  button.record {
    min-height: 52px;
    border-radius: 26px;
    padding: 0 26px 0 20px;
    font-size: 0.9375rem;
    font-weight: 650;
  }
  button.stop {
    background: var(--_text);
    color: var(--_bg);
    border-color: transparent;
    font-weight: 650;
  }
  button.stop:hover:not(:disabled) {
    background: color-mix(in srgb, var(--_text) 86%, var(--_bg));
  }
  button.resume {
    background: var(--_pause);
    color: var(--_on-pause);
    border-color: transparent;
    font-weight: 650;
  }
  button.resume:hover:not(:disabled) {
    background: color-mix(in srgb, var(--_pause) 84%, var(--_text));
  }
  .safety {
    display: flex;
    align-items: center;
    justify-content: center;
    gap: 6px;
    margin-top: 7px;
    color: var(--_muted);
    font-size: 0.8125rem;
    font-variant-numeric: tabular-nums;
    line-height: 1.3;
    text-align: center;
  }
  .safety svg {
    color: var(--_ok);
  }
  .safety.wait,
  .safety.wait svg,
  .safety.warn,
  .safety.warn svg {
    color: var(--_pause);
  }
  .saving {
    display: grid;
    gap: 7px;
    width: min(320px, 70vw);
    white-space: nowrap;
    font-variant-numeric: tabular-nums;
  }
  .saving > span {
    display: flex;
    justify-content: space-between;
    gap: 12px;
  }
  .saving .safety {
    margin: 0;
    white-space: normal;
  }
  .saving small {
    color: var(--_muted);
    font-size: 0.8125rem;
  }
  @media (max-width: 560px) {
    :host([hide-badge]) .row::after {
      display: none;
    }
    .row {
      gap: 8px;
    }
    .row > button {
      padding: 0 14px;
    }
    .row > button.record {
      padding: 0 20px 0 14px;
      font-size: 0.875rem;
    }
    .time {
      font-size: 1.0625rem;
    }
  }
  @media (max-width: 400px) {
    .row > button.compact {
      width: 44px;
      padding: 0;
    }
    .compact span {
      position: absolute;
      width: 1px;
      overflow: hidden;
      clip-path: inset(50%);
    }
  }
  /* A control that cannot be pressed now keeps the focus, so it is never disabled for real. */
  .row > button[aria-disabled='true'],
  .ways button[aria-disabled='true'] {
    cursor: default;
    opacity: 0.42;
  }
  .row > button[aria-disabled='true'].settling,
  .ways button[aria-disabled='true'].settling {
    opacity: 1;
  }
  .why {
    margin-top: 6px;
    color: var(--_muted);
    font-size: 0.8125rem;
    text-align: center;
  }
  @media (max-width: 420px) {
    .row {
      flex-wrap: wrap;
    }
  }
`;
