// Bundles the functions as they would be deployed, and prints what each weighs, also zipped.
import { readFileSync } from 'node:fs';
import { deflateRawSync } from 'node:zlib';
import { load } from './lib/missing.mjs';

const { build } = await load(() => import('esbuild'));

// Some of what is bundled is CommonJS and calls `require` for Node's own modules.
const banner = { js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);" };

for (const name of ['webhook', 'profile']) {
  const outfile = `dist/${name}.mjs`;
  await build({
    entryPoints: [`functions/${name}.mjs`],
    outfile,
    bundle: true,
    minify: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    mainFields: ['module', 'main'],
    banner,
    logLevel: 'warning',
    absWorkingDir: import.meta.dirname,
  });
  const bytes = readFileSync(new URL(outfile, import.meta.url));
  // A zip of one file is its deflated bytes, two headers with its name, and an end record.
  const zipped = deflateRawSync(bytes, { level: 9 }).length + 98 + 2 * `${name}.mjs`.length;
  console.log(JSON.stringify({ file: outfile, bytes: bytes.length, zipped }));
}
