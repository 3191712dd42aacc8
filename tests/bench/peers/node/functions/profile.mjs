// updateProfile as AppSync asks for it: the work of functions/profile-mutation-validator with zod and the AWS SDK.
import { count, log } from '../lib/telemetry.mjs';
import { run } from '../lib/runtime.mjs';
import { warm } from '../rules/index.mjs';
import { Directory } from './directory.mjs';
import { Refused, answerOf, mutate } from './mutation.mjs';
import { required, sdk } from './settings.mjs';

const SERVICE = 'profile-mutation-validator';
const UNAVAILABLE = 'Le service ne répond pas pour l’instant ; réessayez.';

await run(async () => {
  const directory = new Directory(sdk, required('PROFILES_TABLE'), required('OUTBOX_TABLE'));
  // While init runs at full speed: the tables of telephone numbers, and the connection to the directory.
  warm();
  await directory.byId('nobody').catch((error) => {
    log('WARN', 'the first request opens the connection', { error: error.name });
  });

  return async (event, { requestId }) => {
    const field = event.info?.fieldName === 'updateProfile' ? 'updateProfile' : 'unknown';
    try {
      const data = await mutate(event, directory);
      count(SERVICE, 'ProfileWritten', 1);
      log('INFO', 'answered', { request_id: requestId, field });
      return { data };
    } catch (error) {
      if (error instanceof Refused) {
        const codes = (error.errorInfo?.violations ?? []).slice(0, 20).map(({ code }) => code).join(' ');
        count(SERVICE, 'ProfileRefused', 1);
        log('INFO', 'refused', { request_id: requestId, field, error_type: error.errorType, codes });
        return answerOf(error, event.request?.headers);
      }
      count(SERVICE, 'ProfileUnavailable', 1);
      log('ERROR', 'unavailable', { request_id: requestId, field, error: error.name });
      return { error: { errorType: 'Unavailable', message: UNAVAILABLE, errorInfo: null } };
    }
  };
});
