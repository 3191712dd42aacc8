// The mails that tell of a change: to the member, to the address before if it changed, and to the team.
import { emailKey } from '../rules/index.mjs';

const SELLER = { from: 'facturation@example.org', name: 'Atelier Exemple', accent: '#1f3a5f' };
const TEAM = process.env.TEAM_EMAIL ?? 'equipe@example.org';

export function mails(before, after, changes) {
  const spoken = after.languages.map((tag) => tag.split('-')[0].toLowerCase()).find((tag) => ['fr', 'en'].includes(tag));
  const mail = (whom, to, language) => ({
    id: `profile/${after.id}/${after.version}/${whom}`,
    to,
    from: SELLER.from,
    from_name: null,
    reply_to: null,
    content: {
      about: 'notice',
      language,
      seller_name: SELLER.name,
      contact: SELLER.from,
      accent: SELLER.accent,
      for_team: whom === 'team',
      event: 'changed',
      name: [after.firstName, after.lastName].filter(Boolean).join(' ') || after.handle,
      profile: after.handle ?? after.id,
      changes: changes.map(({ field }) => field),
    },
    attachment: null,
    queued_at: after.updatedAt,
  });
  const language = spoken ?? after.language;
  const told = [mail('member', after.email, language)];
  if (TEAM) told.push(mail('team', TEAM, 'fr'));
  if (emailKey(before.email) !== emailKey(after.email)) told.push(mail('member-before', before.email, language));
  return told;
}
