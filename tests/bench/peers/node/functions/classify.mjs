// What a `checkout.session.completed` event means: a sale, nothing to us, or something a person has to look at.
const TYPES = new Set(['checkout.session.completed', 'checkout.session.async_payment_succeeded']);

const isId = (id) => typeof id === 'string' && /^[\x21-\x7e]{1,255}$/.test(id);
const filled = (text) => text?.trim() || null;
const idOf = (reference) => (typeof reference === 'string' ? reference : (reference?.id ?? null));
const ignored = (reason) => ({ ignored: reason });
const unreadable = (reason) => ({ unreadable: reason });

const address = ({ line1 = null, line2 = null, postal_code = null, city = null, state = null, country = null }) => ({
  line1, line2, postal_code, city, state, country,
});

function delivery(shipping) {
  return shipping?.address ? { name: filled(shipping.name), address: address(shipping.address) } : null;
}

export function classify(event, livemode) {
  if (!isId(event?.id)) return { malformed: 'not_an_event' };
  if (!TYPES.has(event.type)) return ignored('type_unused');
  if (Boolean(event.livemode) !== livemode) return ignored('wrong_mode');
  const session = event.data?.object;
  if (!isId(session?.id)) return unreadable('object_unreadable: data.object.id is empty or too long');
  if (session.invoice || session.mode === 'subscription') return ignored('billed_by_stripe_invoice');
  if (session.mode === 'setup') return ignored('no_sale');
  if (session.payment_status === 'unpaid') return ignored('unpaid');
  if (!Number.isSafeInteger(session.amount_total)) {
    return unreadable('object_unreadable: data.object.amount_total is missing');
  }
  if (session.amount_total === 0) return ignored('zero_amount');
  // Without a key for Stripe's API it is trusted that invoice.paid announces the invoice.
  if (session.invoice_creation?.enabled) return ignored('billed_by_stripe_invoice');
  const details = session.customer_details ?? {};
  const tax = session.total_details?.amount_tax ?? null;
  return {
    sale: {
      key: session.id,
      event: event.id,
      livemode: event.livemode,
      paid_at: new Date(event.created * 1000).toISOString(),
      currency: session.currency ?? '',
      total: session.amount_total,
      tax,
      // Stripe's API is not asked: one line stands for the total.
      lines: [
        {
          id: null,
          description: '',
          quantity: 1,
          total: session.amount_total,
          discount: 0,
          taxes: tax ? [{ amount: tax, included: false, rate: null, country: null, reason: null }] : [],
        },
      ],
      customer: {
        id: idOf(session.customer),
        name: filled(details.individual_name) ?? filled(details.name),
        business_name: filled(details.business_name),
        email: filled(details.email) ?? filled(session.customer_email),
        address: details.address ? address(details.address) : null,
        language: session.locale === 'auto' ? null : (session.locale ?? null),
        tax_ids: (details.tax_ids ?? [])
          .filter((id) => filled(id.value))
          .map((id) => ({ kind: id.type ?? '', value: id.value.trim() })),
      },
      payment_intent: idOf(session.payment_intent),
      reference: session.client_reference_id ?? null,
      delivery: delivery(session.collected_information?.shipping_details ?? session.shipping_details),
      received: null,
      exchange: null,
    },
  };
}
