// Who may change a profile, and who sees its address and number.
const GROUPS = ['freelancer', 'team', 'admin'];

// The caller in an AppSync event's identity; nothing if there is none, or somebody made it up.
export function caller(identity) {
  const { sub, claims, userArn } = identity ?? {};
  if (typeof sub !== 'string' || sub === '' || userArn || claims === null || typeof claims !== 'object') return undefined;
  if (claims.sub !== undefined && claims.sub !== sub) return undefined;
  const told = identity.groups ?? claims['cognito:groups'];
  return { sub, groups: GROUPS.filter((group) => Array.isArray(told) && told.includes(group)) };
}

export const mayUpdate = ({ sub, groups }, owner) =>
  (owner === sub && groups.includes('freelancer')) || groups.includes('admin');

const FIELDS = (
  'id handle firstName lastName email phone headline bio skills links location availability languages avatar cv ' +
  'version createdAt updatedAt'
).split(' ');

// The profile as the caller sees it: hidden fields are null.
export function view({ sub, groups }, profile) {
  const all = sub === profile.owner || groups.includes('team') || groups.includes('admin');
  return Object.fromEntries(
    FIELDS.map((field) => [field, all || (field !== 'email' && field !== 'phone') ? (profile[field] ?? null) : null]),
  );
}
