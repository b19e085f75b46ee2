// Runs one of bench/native's programs, built as Wasm, in Node or in a worker. The compiled module is kept from
// run to run: what the JavaScript engine has optimised in the first run is used by the next.
const compiled = new Map();

async function compile(url) {
  const wasmUrl = new URL(url.href.replace(/\.mjs$/, '.wasm'));
  if (wasmUrl.protocol === 'file:') {
    // The programs are built for workers; this is all they look for.
    globalThis.self ??= { location: { href: url.href } };
    const { readFile } = await import('node:fs/promises');
    return WebAssembly.compile(await readFile(wasmUrl));
  }
  return WebAssembly.compileStreaming(fetch(wasmUrl));
}

/** What the program at `url` (its .mjs) prints when it is called with `args`. Throws unless it exits with 0. */
export async function runProgram(url, args) {
  const at = new URL(url);
  if (!compiled.has(at.href)) compiled.set(at.href, await compile(at));
  const module = compiled.get(at.href);
  const { default: create } = await import(/* @vite-ignore */ at.href);
  const lines = [];
  const errors = [];
  const program = await create({
    print: (line) => lines.push(line),
    printErr: (line) => errors.push(line),
    instantiateWasm(imports, receive) {
      void WebAssembly.instantiate(module, imports).then((instance) => receive(instance, module));
      return {};
    },
  });
  const code = program.callMain(args);
  if (code) throw new Error(`${at.pathname} ${args.join(' ')} ended with ${code}: ${errors.join('\n')}`);
  return lines.join('\n');
}
