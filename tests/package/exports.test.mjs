// Every public export has a comment that says what it is, and so has each of its methods; the elements' manifest and
// the types of their events are whole.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import ts from 'typescript';
import { consumer, packed, ROOT } from './packed.mjs';

/** The public entries with types: subpath and declaration file. */
function entries() {
  const { folder, manifest } = packed();
  return Object.entries(manifest.exports)
    .filter(([, target]) => target.types)
    .map(([subpath, target]) => [subpath, join(folder, target.types)]);
}

function program(files) {
  const options = {
    target: ts.ScriptTarget.ES2022,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    module: ts.ModuleKind.ESNext,
    lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
    types: [],
  };
  return ts.createProgram(files, options);
}

/** What of a symbol has no comment: itself, or methods of it by name. */
function undocumented(checker, symbol) {
  const own = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const bare = (one) => ts.displayPartsToString(one.getDocumentationComment(checker)).trim() === '';
  const missing = bare(own) ? [symbol.name] : [];
  for (const [name, member] of own.members ?? []) {
    const inherited = (member.declarations ?? []).every(
      (each) => ts.getCombinedModifierFlags(each) & ts.ModifierFlags.Override,
    );
    const hidden = (member.declarations ?? []).some(
      (each) =>
        ts.getCombinedModifierFlags(each) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected) ||
        ts.isPrivateIdentifier(each.name ?? each),
    );
    const callable = member.flags & (ts.SymbolFlags.Method | ts.SymbolFlags.Accessor);
    const lifecycle = /^(connected|disconnected|attributeChanged)Callback$/.test(String(name));
    if (callable && !hidden && !inherited && !lifecycle && bare(member)) missing.push(`${symbol.name}.${name}`);
  }
  return missing;
}

describe('the public exports', () => {
  it('are documented, and so are their methods', { timeout: 60_000 }, () => {
    const all = entries();
    const made = program(all.map(([, file]) => file));
    const checker = made.getTypeChecker();
    const missing = [];
    let seen = 0;
    for (const [subpath, file] of all) {
      const module = checker.getSymbolAtLocation(made.getSourceFile(file));
      for (const symbol of module ? checker.getExportsOfModule(module) : []) {
        seen += 1;
        missing.push(...undocumented(checker, symbol).map((name) => `${subpath}: ${name}`));
      }
    }
    assert.ok(seen > 80, `${seen} exports were looked at`);
    assert.deepEqual(missing, []);
  });

  it('name no type that cannot be imported', { timeout: 60_000 }, () => {
    // A type that a public signature uses, but that no entry exports, cannot be written down by who uses it.
    const all = entries();
    const made = program(all.map(([, file]) => file));
    const checker = made.getTypeChecker();
    const { folder } = packed();
    const exported = new Set();
    for (const [, file] of all) {
      const module = checker.getSymbolAtLocation(made.getSourceFile(file));
      for (const symbol of module ? checker.getExportsOfModule(module) : [])
        exported.add(symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol);
    }
    const hidden = new Set();
    const visit = (node, owner) => {
      if (ts.isPropertyDeclaration(node) || ts.isMethodDeclaration(node))
        if (ts.getCombinedModifierFlags(node) & ts.ModifierFlags.Private || ts.isPrivateIdentifier(node.name)) return;
      if (ts.isTypeReferenceNode(node)) {
        const found = checker.getSymbolAtLocation(node.typeName);
        const target = found && found.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(found) : found;
        const ours = target?.declarations?.some((each) => each.getSourceFile().fileName.startsWith(folder));
        if (ours && !(target.flags & ts.SymbolFlags.TypeParameter) && !exported.has(target))
          hidden.add(`${owner}: ${target.name}`);
      }
      ts.forEachChild(node, (child) => visit(child, owner));
    };
    for (const symbol of exported) for (const declaration of symbol.declarations ?? []) visit(declaration, symbol.name);
    assert.deepEqual([...hidden], []);
  });
});

describe('the custom elements manifest', () => {
  const manifest = () => {
    const {
      folder,
      manifest: { customElements },
    } = packed();
    return JSON.parse(readFileSync(join(folder, customElements), 'utf8'));
  };
  const elements = () =>
    manifest().modules.flatMap(({ path, declarations }) => declarations.map((one) => ({ path, ...one })));

  it('has each element that is registered, with words for all of it', () => {
    const {
      folder,
      manifest: { exports },
    } = packed();
    const index = readFileSync(join(folder, exports['./elements'].default), 'utf8');
    const tags = [...index.matchAll(/["'](kt-[\w-]+)["']:\s*Kt\w+/g)].map(([, tag]) => tag);
    assert.ok(tags.length >= 18);
    assert.deepEqual(
      elements()
        .map(({ tagName }) => tagName)
        .sort(),
      tags.sort(),
    );
    const silent = elements().flatMap(({ tagName, description, ...rest }) => [
      ...(description ? [] : [tagName]),
      ...['attributes', 'members', 'events', 'slots', 'cssParts', 'cssProperties'].flatMap((kind) =>
        (rest[kind] ?? []).filter((one) => !one.description).map((one) => `${tagName}: ${kind} ${one.name}`),
      ),
    ]);
    assert.deepEqual(silent, []);
  });

  it('tells every request that an element sends, and every part and slot that it draws', () => {
    const wrong = [];
    for (const { path, tagName, events = [], cssParts = [], slots = [] } of elements()) {
      const text = readFileSync(join(ROOT, 'web', path), 'utf8').replace(/\/\*\*[\s\S]*?\*\//g, '');
      const told = new Set(events.map(({ name }) => name));
      const sent = new Set(
        [...text.matchAll(/'(kt-[\w-]+-request|kt-[\w-]+(?:ed|ne|error|change))'/g)].map(([, name]) => name),
      );
      for (const name of sent)
        if (!told.has(name) && name !== 'kt-context-request') wrong.push(`${tagName}: event ${name} is not told of`);
      for (const name of told) if (!text.includes(name)) wrong.push(`${tagName}: event ${name} is not sent`);
      const parts = new Set([...text.matchAll(/\bpart="([\w -]+)"/g)].flatMap(([, names]) => names.split(' ')));
      for (const name of parts)
        if (!cssParts.some((one) => one.name === name)) wrong.push(`${tagName}: part ${name} is not told of`);
      for (const [, name = ''] of text.matchAll(/<slot(?: name="([\w-]+)")?/g))
        if (!slots.some((one) => one.name === name)) wrong.push(`${tagName}: slot "${name}" is not told of`);
    }
    assert.deepEqual(wrong, []);
  });

  it('has an entry in HTMLElementEventMap for each event', { timeout: 60_000 }, () => {
    const names = [...new Set(elements().flatMap(({ events = [] }) => events.map(({ name }) => name)))];
    assert.ok(names.length > 20);
    const lines = names.map((name) => `document.body.addEventListener('${name}', (event) => void event.detail);`);
    const folder = consumer({ 'events.ts': `import 'keeptake/elements';\n${lines.join('\n')}\n` });
    const made = program([join(folder, 'events.ts')]);
    const told = ts.getPreEmitDiagnostics(made, made.getSourceFile(join(folder, 'events.ts')));
    assert.deepEqual(
      told.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n')),
      [],
    );
    assert.ok(dirname(folder));
  });
});
