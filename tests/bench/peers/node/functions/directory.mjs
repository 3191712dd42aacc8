// Profiles on DynamoDB: profile, guards, history and what is told of it in one transaction.
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient, GetItemCommand, TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';

const CONFLICT_PAUSES = [20, 60, 150, 300, 600, 1000];
const PASSING = new Set(['TransactionConflict', 'ThrottlingError', 'ProvisionedThroughputExceeded']);
const RESERVED_DAYS = 30;
const NOTICE_DAYS = 7;
const DAY = 86_400_000;
const LONGEST = 500;

const NEW = 'attribute_not_exists(pk)';
const OURS = 'attribute_not_exists(pk) OR profile = :profile';

const hash = (text) => createHash('sha256').update(text).digest('hex');
const short = (key) => (Buffer.byteLength(key) > LONGEST ? hash(key) : key);
const place = (pk, sk) => ({ pk: { S: pk }, sk: { S: sk } });
const profilePlace = (id) => place(`PROFILE#${id}`, 'PROFILE');
const handlePlace = (key) => place(`HANDLE#${short(key)}`, 'GUARD');
const emailPlace = (key) => place(`EMAIL#${hash(key)}`, 'GUARD');
const seconds = (at, days) => ({ N: String(Math.floor((at + days * DAY) / 1000) + 1) });

export class Directory {
  #client;
  #profiles;
  #outbox;

  constructor(config, profiles, outbox) {
    this.#client = new DynamoDBClient(config);
    this.#profiles = profiles;
    this.#outbox = outbox;
  }

  async byId(id) {
    // What no key can be is nobody's.
    if (id === '' || Buffer.byteLength(id) > LONGEST) return undefined;
    const { Item } = await this.#client.send(
      new GetItemCommand({ TableName: this.#profiles, Key: profilePlace(id), ConsistentRead: true }),
    );
    return Item && JSON.parse(Item.data.S);
  }

  // `{}` when it is written; `{moved}` with the profile as it is, or `{taken}` with the fields that are somebody's.
  async commit({ profile, changes, moves }, by, mails, now) {
    const { id } = profile;
    const writes = [];
    const add = (stands, kind, write) => writes.push({ stands, write: { [kind]: write } });
    const put = (stands, Item, condition, values, TableName = this.#profiles) =>
      add(stands, 'Put', {
        TableName,
        Item,
        ConditionExpression: condition,
        ExpressionAttributeValues: values,
        ReturnValuesOnConditionCheckFailure: condition && 'ALL_OLD',
      });
    const guard = (at) => ({ ...at, kind: { S: 'GUARD' }, profile: { S: id } });
    const ours = { ':profile': { S: id } };

    const version = { N: String(profile.version) };
    const kept = { ...profilePlace(id), kind: { S: 'PROFILE' }, data: { S: JSON.stringify(profile) }, version };
    if (profile.handle) kept.listed = { S: 'LISTED' };
    put('version', kept, 'version = :before', { ':before': { N: String(profile.version - 1) } });
    const history = place(`PROFILE#${id}`, `HISTORY#${String(profile.version).padStart(10, '0')}`);
    const entry = { version: profile.version, at: profile.updatedAt, by, changes };
    put('never', { ...history, kind: { S: 'HISTORY' }, data: { S: JSON.stringify(entry) }, version }, NEW);
    if (moves.handle) {
      const { claim, release } = moves.handle;
      put('handle', guard(handlePlace(claim)), `${OURS} OR released_at <= :free`, {
        ...ours,
        ':free': { N: `${now - RESERVED_DAYS * DAY}000000` },
      });
      if (release) {
        add('never', 'Update', {
          TableName: this.#profiles,
          Key: handlePlace(release),
          UpdateExpression: 'SET released_at = :at, expires_at = :expires',
          ConditionExpression: 'profile = :profile',
          ExpressionAttributeValues: { ...ours, ':at': { N: `${now}000000` }, ':expires': seconds(now, RESERVED_DAYS) },
        });
        const beside = place(`PROFILE#${id}`, `HANDLE#${short(release)}`);
        put('never', { ...beside, kind: { S: 'GIVEN_UP' }, handle: { S: release } });
      }
    }
    if (moves.email) {
      put('email', guard(emailPlace(moves.email.claim)), OURS, ours);
      add('never', 'Delete', {
        TableName: this.#profiles,
        Key: emailPlace(moves.email.free),
        ConditionExpression: OURS,
        ExpressionAttributeValues: ours,
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      });
    }
    for (const mail of mails) {
      const item = { pk: { S: `MAIL#${mail.id}` }, sk: { S: '-' }, kind: { S: 'MAIL' }, data: { S: JSON.stringify(mail) } };
      put('never', { ...item, status: { S: 'queued' }, expires_at: seconds(now, NOTICE_DAYS) }, undefined, undefined, this.#outbox);
    }
    const reasons = await this.#send(writes.map(({ write }) => write));
    const failed = writes
      .map(({ stands }, at) => ({ stands, reason: reasons[at] }))
      .filter(({ reason }) => reason?.Code === 'ConditionalCheckFailed');
    const stale = failed.find(({ stands }) => stands === 'version');
    if (stale) return { moved: stale.reason.Item?.data ? JSON.parse(stale.reason.Item.data.S) : await this.byId(id) };
    const taken = failed.map(({ stands }) => stands).filter((stands) => stands !== 'never');
    if (taken.length > 0) return { taken };
    if (reasons.length > 0) throw new Error(`cancelled: ${reasons.map(({ Code }) => Code).join(', ')}`);
    return {};
  }

  // What cancelled the transaction, if anything did; made again for as long as others are at the same items.
  async #send(TransactItems) {
    let last;
    for (const pause of CONFLICT_PAUSES) {
      try {
        await this.#client.send(new TransactWriteItemsCommand({ TransactItems }));
        return [];
      } catch (error) {
        last = error;
        const reasons = error.CancellationReasons ?? [];
        if (error.name === 'TransactionCanceledException') {
          if (!reasons.some(({ Code }) => PASSING.has(Code))) return reasons;
        } else if (error.name !== 'TransactionInProgressException') {
          throw error;
        }
      }
      await sleep(pause);
    }
    throw last;
  }
}
