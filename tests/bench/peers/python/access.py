"""Who may change a profile, and who sees its address and number."""

from typing import NamedTuple

GROUPS = ("freelancer", "team", "admin")
FIELDS = (
    "id handle firstName lastName email phone headline bio skills links location availability languages avatar cv "
    "version createdAt updatedAt"
).split()


class Caller(NamedTuple):
    sub: str
    groups: frozenset[str]


def caller(identity):
    """The caller in an AppSync event's identity; None if there is none, or somebody made it up."""
    identity = identity if isinstance(identity, dict) else {}
    sub, claims = identity.get("sub"), identity.get("claims")
    if not isinstance(sub, str) or not sub or identity.get("userArn") or not isinstance(claims, dict):
        return None
    if claims.get("sub", sub) != sub:
        return None
    told = identity.get("groups")
    told = claims.get("cognito:groups") if told is None else told
    return Caller(sub, frozenset(group for group in GROUPS if isinstance(told, list) and group in told))


def may_update(who, owner):
    return (owner == who.sub and "freelancer" in who.groups) or "admin" in who.groups


def view(who, profile):
    """The profile as the caller sees it: hidden fields are None."""
    everything = who.sub == profile["owner"] or who.groups & {"team", "admin"}
    hidden = () if everything else ("email", "phone")
    return {field: None if field in hidden else profile.get(field) for field in FIELDS}
