// Stripe calls, a genuine sale is recorded, Stripe hears 200: the work of functions/payment-webhook with the official SDKs.
import Stripe from 'stripe';
import { count, log } from '../lib/telemetry.mjs';
import { run } from '../lib/runtime.mjs';
import { classify } from './classify.mjs';
import { PaymentLog } from './payments.mjs';
import { SecretStore } from './secrets.mjs';
import { required, sdk } from './settings.mjs';

const SERVICE = 'payment-webhook';
const LONGEST_BODY = 1024 * 1024;

const respond = (statusCode, result, reason) => ({
  statusCode,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(reason ? { result, reason } : { result }),
});

function refuse(requestId, reason) {
  log('WARN', 'rejected', { request_id: requestId, reason });
  return respond(400, 'rejected', reason);
}

// The event if one of the secrets signed it; nothing if what was signed is not JSON.
function verified(body, header, secrets) {
  let forged;
  for (const secret of secrets) {
    try {
      return Stripe.webhooks.constructEvent(body, header, secret);
    } catch (error) {
      if (error instanceof SyntaxError) return undefined;
      forged = error;
    }
  }
  throw forged ?? new Stripe.errors.StripeSignatureVerificationError(header, body, { message: 'no secret' });
}

await run(async () => {
  const livemode = process.env.STRIPE_MODE === 'live';
  const secrets = new SecretStore(sdk, required('SECRETS_PREFIX'));
  const payments = new PaymentLog(sdk, required('BILLING_TABLE'));
  // Read while init runs at full speed; if it fails, the first request tries again and says why.
  await secrets.current().catch(() => {});

  return async (request, { requestId }) => {
    const body = Buffer.from(request.body ?? '', request.isBase64Encoded ? 'base64' : 'utf8');
    if (body.length > LONGEST_BODY) return respond(413, 'rejected', 'body_too_large');
    const header = Object.entries(request.headers ?? {}).find(([name]) => name.toLowerCase() === 'stripe-signature')?.[1];
    try {
      let event;
      try {
        event = verified(body, header, (await secrets.current()).webhook);
      } catch (error) {
        if (!(error instanceof Stripe.errors.StripeSignatureVerificationError)) throw error;
        // A secret may have been rotated.
        event = verified(body, header, (await secrets.renewed()).webhook);
      }
      const meaning = classify(event, livemode);
      if (meaning.malformed) return refuse(requestId, meaning.malformed);
      if (meaning.ignored) {
        log('INFO', 'ignored', { request_id: requestId, event: event.id, reason: meaning.ignored });
        return respond(200, 'ignored', meaning.ignored);
      }
      const now = new Date();
      if (meaning.unreadable) {
        await payments.park(event.id, body.toString('utf8'), meaning.unreadable, now);
        count(SERVICE, 'Parked', 1);
        return respond(200, 'parked', 'object_unreadable');
      }
      const fields = { request_id: requestId, event: event.id, payment: meaning.sale.key };
      if ((await payments.record(meaning.sale, now)) === 'before') {
        log('INFO', 'recorded before', fields);
        return respond(200, 'recorded_before');
      }
      count(SERVICE, 'PaymentRecorded', 1);
      log('INFO', 'payment recorded', fields);
      return respond(200, 'recorded');
    } catch (error) {
      if (error instanceof Stripe.errors.StripeSignatureVerificationError) {
        count(SERVICE, 'SignatureRejected', 1);
        return refuse(requestId, 'signature_mismatch');
      }
      log('ERROR', 'to be delivered again', { request_id: requestId, error: error.name });
      return respond(500, 'retry', 'unavailable');
    }
  };
});
