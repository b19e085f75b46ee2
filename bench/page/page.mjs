// Hands the runs over to the worker; the benchmarks call `window.runProgram`.
const worker = new Worker(new URL('./worker.mjs', import.meta.url), { type: 'module' });
const waiting = new Map();
let lastId = 0;

worker.onmessage = ({ data: { id, output, error } }) => {
  const { resolve, reject } = waiting.get(id);
  waiting.delete(id);
  if (error === undefined) resolve(output);
  else reject(new Error(error));
};

window.runProgram = (path, args) =>
  new Promise((resolve, reject) => {
    const id = ++lastId;
    waiting.set(id, { resolve, reject });
    worker.postMessage({ id, url: new URL(path, location.href).href, args });
  });
