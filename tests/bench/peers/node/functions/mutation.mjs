// updateProfile: loads, checks who asks, validates, merges, writes in one transaction, and answers as the resolver expects.
import { validateChange } from '../rules/index.mjs';
import { caller as read, mayUpdate, view } from './access.mjs';
import { update } from './change.mjs';
import { mails } from './notices.mjs';

const TRIES = 8;
const SENTENCES = {
  Invalid: ['La demande contient des erreurs.', 'The request has mistakes.'],
  Conflict: [
    'Quelqu’un a modifié les mêmes champs entre-temps ; relisez-les et recommencez.',
    'Somebody changed the same fields meanwhile; read them again and retry.',
  ],
  Denied: ['Vous n’y êtes pas autorisé.', 'You are not allowed to do this.'],
  NotFound: ['Ce profil n’existe pas.', 'There is no such profile.'],
  Unknown: ['Cette opération n’existe pas.', 'There is no such operation.'],
};

// A failure that the client is answered with.
export class Refused extends Error {
  constructor(errorType, errorInfo = null) {
    super(errorType);
    this.errorType = errorType;
    this.errorInfo = errorInfo;
  }
}

const invalid = (violations) => new Refused('Invalid', { violations });

export function answerOf({ errorType, errorInfo }, headers) {
  const accepted = Object.entries(headers ?? {}).find(([name]) => name.toLowerCase() === 'accept-language')?.[1] ?? '';
  const [french, english] = SENTENCES[errorType];
  return { error: { errorType, message: /^\s*en\b/i.test(accepted) ? english : french, errorInfo } };
}

function argumentsOf(given) {
  const { id, expectedVersion, input, ...others } = given ?? {};
  const wrong = [];
  const need = (path, value, type) => {
    if (value == null) wrong.push({ code: 'required', path });
    else if (type && !type(value)) wrong.push({ code: 'wrong_type', path });
  };
  need('id', id, (value) => typeof value === 'string');
  need('expectedVersion', expectedVersion, Number.isInteger);
  need('input', input);
  if (Number.isInteger(expectedVersion) && (expectedVersion < 1 || expectedVersion > 0x7fffffff)) {
    wrong.push({ code: 'out_of_range', path: 'expectedVersion' });
  }
  for (const path of Object.keys(others).slice(0, 100)) wrong.push({ code: 'unknown_field', path: path.slice(0, 40) });
  if (wrong.length > 0) throw invalid(wrong);
  return { id, expectedVersion, input };
}

export async function mutate(event, directory) {
  if (event.info?.fieldName !== 'updateProfile') throw new Refused('Unknown');
  const caller = read(event.identity);
  if (!caller) throw new Refused('Denied');
  const { id, expectedVersion, input } = argumentsOf(event.arguments);
  let current = await directory.byId(id);
  if (!mayUpdate(caller, current?.owner)) throw new Refused('Denied');
  if (!current) throw new Refused('NotFound');
  const { profile: change, violations } = validateChange(input, current.location?.country);
  if (violations) throw invalid(violations);
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const now = Date.now();
    const updated = update(current, change, expectedVersion, new Date(now).toISOString());
    if (updated.conflict) {
      const { avatar, cv, ...shown } = view(caller, current);
      throw new Refused('Conflict', { current: shown, fields: updated.conflict });
    }
    if (updated.changes.length === 0) return view(caller, current);
    const told = mails(current, updated.profile, updated.changes);
    const found = await directory.commit(updated, `member/${caller.sub}`, told, now);
    if (found.taken) throw invalid(found.taken.map((field) => ({ code: `${field}_taken`, path: field })));
    if (!('moved' in found)) return view(caller, updated.profile);
    if (!found.moved) throw new Refused('NotFound');
    current = found.moved;
  }
  throw new Error('others were faster each time');
}
