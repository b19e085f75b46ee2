/** The second half of a double click never reaches what the first half brought under the pointer. */

/** Clicks this close in time and place belong together; slow hands included. */
const DOUBLE_MS = 600;
const DOUBLE_PX = 12;

/**
 * Watches the pointer on an element. `state` names what the page shows: a press that follows another one at the same
 * place, while it has changed in between, goes nowhere.
 */
export function guardDoubleClicks(element: HTMLElement, state: () => string): void {
  let last = { at: -Infinity, x: 0, y: 0, state: '' };
  let swallowed = false;
  const onPress = (event: PointerEvent): void => {
    const close = Math.hypot(event.clientX - last.x, event.clientY - last.y) <= DOUBLE_PX;
    swallowed = close && event.timeStamp - last.at < DOUBLE_MS && state() !== last.state;
    last = { at: event.timeStamp, x: event.clientX, y: event.clientY, state: swallowed ? last.state : state() };
  };
  const swallow = (event: Event): void => {
    if (swallowed && event.isTrusted) {
      event.preventDefault();
      event.stopPropagation();
    }
  };
  element.addEventListener('pointerdown', onPress, { capture: true });
  element.addEventListener('mousedown', swallow, { capture: true });
  element.addEventListener('click', (event) => (event.detail > 0 ? swallow(event) : undefined), { capture: true });
}
