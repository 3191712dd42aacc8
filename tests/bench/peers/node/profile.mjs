import { load } from './lib/missing.mjs';

await load(() => import('./functions/profile.mjs'));
