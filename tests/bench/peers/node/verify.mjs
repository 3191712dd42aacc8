// Verifying and reading one Stripe event, over and over, with stripe-node.
import { createHmac } from 'node:crypto';
import { load } from './lib/missing.mjs';
import { number, read, timedSync, usage } from './lib/timing.mjs';

const LINE = 'verify.mjs <n> <payload-file> <secret> <timestamp>';
const [count, file, secret, time] = process.argv.slice(2);
if (time === undefined) usage(LINE);
const n = number(count, LINE);
const timestamp = number(time, LINE);

const { default: Stripe } = await load(() => import('stripe'));
const body = read(file);
const signature = createHmac('sha256', secret).update(`${timestamp}.`).update(body).digest('hex');
const header = `t=${timestamp},v1=${signature}`;
// The header's time is as old as the payload; the check is made all the same.
const tolerance = Math.abs(Math.floor(Date.now() / 1000) - timestamp) + 3600;

let event;
const figures = timedSync(n, () => {
  event = Stripe.webhooks.constructEvent(body, header, secret, tolerance);
});
if (typeof event?.id !== 'string') throw new Error('the payload is no event');
console.log(JSON.stringify(figures));
