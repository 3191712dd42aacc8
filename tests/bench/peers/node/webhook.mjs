import { load } from './lib/missing.mjs';

await load(() => import('./functions/webhook.mjs'));
