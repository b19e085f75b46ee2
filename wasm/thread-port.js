/*
 * Put before the module of keeptake-engine-mt. A thread of the engine is a worker of the page that runs this very
 * module. The page gives it one end of a channel, as { enginePort }, and the engine's worker the other one: what
 * Emscripten says to its parent goes there from then on, and what comes from there is Emscripten's to hear.
 */
if (globalThis.self?.name?.startsWith('em-pthread')) {
  self.addEventListener('message', (event) => {
    const { enginePort } = event.data;
    if (!enginePort) return;
    event.stopImmediatePropagation();
    self.postMessage = (message, transfer) => enginePort.postMessage(message, transfer ?? []);
    enginePort.onmessage = (message) => self.onmessage(message);
  });
}
