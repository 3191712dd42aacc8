// onProfileChanged: what a subscriber hears, decided when they subscribe. Every change is published for everyone and for the
// team; a subscriber hears one of the two. A filter set here takes the place of the one that the arguments would make.
import { extensions, util } from '@aws-appsync/utils';

export function request(ctx) {
  return { payload: null };
}

export function response(ctx) {
  const groups = ctx.identity.groups || [];
  const filter = { forTeam: { eq: groups.includes('team') || groups.includes('admin') } };
  if (ctx.args.id !== undefined && ctx.args.id !== null) {
    filter.id = { eq: ctx.args.id };
  }
  extensions.setSubscriptionFilter(util.transform.toSubscriptionFilter(filter));
  return null;
}
