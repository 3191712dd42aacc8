// Event, payment and the intent that paid it, in one transaction.
import { DynamoDBClient, PutItemCommand, TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import { setTimeout as sleep } from 'node:timers/promises';

const EVENT_KEPT_SECONDS = 30 * 24 * 3600;
const CONFLICT_PAUSES = [20, 60, 150, 400];
const LARGEST_BODY = 300 * 1024;

const item = (kind, id) => ({ pk: { S: `${kind}#${id}` }, sk: { S: '-' }, kind: { S: kind } });

export class PaymentLog {
  #client;
  #table;

  constructor(config, table) {
    this.#client = new DynamoDBClient(config);
    this.#table = table;
  }

  // 'new', or 'before' if this event, or this sale by another event, was recorded before.
  async record(sale, now) {
    const event = {
      ...item('EVENT', sale.event),
      received_at: { S: now.toISOString() },
      sale: { S: sale.key },
      expires_at: { N: String(Math.floor(now.getTime() / 1000) + EVENT_KEPT_SECONDS) },
    };
    const payment = {
      ...item('PAYMENT', sale.key),
      data: { S: JSON.stringify(sale) },
      recorded_at: { S: now.toISOString() },
    };
    const writes = [
      this.#put(event, 'attribute_not_exists(pk) OR attribute_exists(parked_at)'),
      this.#put(payment, 'attribute_not_exists(pk)'),
    ];
    if (sale.payment_intent) {
      writes.push(this.#put({ ...item('INTENT', sale.payment_intent), sale: { S: sale.key } }));
    }
    for (const pause of CONFLICT_PAUSES) {
      try {
        await this.#client.send(new TransactWriteItemsCommand({ TransactItems: writes }));
        return 'new';
      } catch (error) {
        if (error.name !== 'TransactionCanceledException') throw error;
        const reasons = error.CancellationReasons ?? [];
        if (reasons.slice(0, 2).some((reason) => reason.Code === 'ConditionalCheckFailed')) {
          return this.#putIf(payment, 'attribute_exists(parked_at) AND attribute_not_exists(invoice)');
        }
      }
      await sleep(pause);
    }
    throw new Error('another delivery of the same sale is still being recorded');
  }

  // Keeps a genuine event that cannot be read, for a person.
  park(id, body, reason, now) {
    const event = {
      ...item('EVENT', id),
      received_at: { S: now.toISOString() },
      parked_source: { S: 'payment-webhook' },
      parked_reason: { S: reason },
      parked_at: { S: now.toISOString() },
    };
    if (Buffer.byteLength(body) <= LARGEST_BODY) event.body = { S: body };
    return this.#putIf(event, 'attribute_not_exists(pk)');
  }

  #put(Item, ConditionExpression) {
    return { Put: { TableName: this.#table, Item, ConditionExpression } };
  }

  async #putIf(Item, ConditionExpression) {
    try {
      await this.#client.send(new PutItemCommand({ TableName: this.#table, Item, ConditionExpression }));
      return 'new';
    } catch (error) {
      if (error.name === 'ConditionalCheckFailedException') return 'before';
      throw error;
    }
  }
}
