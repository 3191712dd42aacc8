// Every field of Query and Mutation: hands the function what it needs to decide, and passes on what it answers.
// functions/profile-mutation-validator/src/event.rs tells both shapes. The token stays here: who calls is in the identity.
import { util } from '@aws-appsync/utils';

export function request(ctx) {
  return {
    operation: 'Invoke',
    payload: {
      info: { fieldName: ctx.info.fieldName },
      arguments: ctx.args,
      identity: ctx.identity,
      request: { headers: { 'accept-language': ctx.request.headers['accept-language'] } },
    },
  };
}

export function response(ctx) {
  // The function itself failed: what it says of that is for its log.
  if (ctx.error || !ctx.result) {
    util.error('Le service ne répond pas pour l’instant. The service does not answer for now.', 'Unavailable');
  }
  const error = ctx.result.error;
  if (error) {
    util.error(error.message, error.errorType, null, error.errorInfo);
  }
  return ctx.result.data;
}
