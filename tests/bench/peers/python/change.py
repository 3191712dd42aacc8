"""What becomes of a profile: changed, merged, or refused because somebody else changed the same."""

from typing import Any, NamedTuple

from rules import email_key, handle_key

CONTENT = (
    "handle firstName lastName email phone headline bio skills links location availability languages avatar cv"
).split()
LISTS = {"skills", "links", "languages"}


class Conflict(Exception):
    def __init__(self, fields):
        super().__init__("somebody else changed the same fields")
        self.fields = fields


class Updated(NamedTuple):
    profile: dict[str, Any]
    changes: list[dict[str, Any]]
    # Of handle and address: the key before and after, where it moves.
    handle: tuple[str | None, str] | None
    email: tuple[str, str] | None


def update(current, change, expected, now):
    """The profile after `change`, which was made against version `expected`."""
    if expected > current["version"]:
        raise Conflict(["version"])
    change = dict(change)
    profile = current.copy()
    if change.pop("removeAvatar", None):
        profile["avatar"] = None
    if change.pop("removeCv", None):
        profile["cv"] = None
    for field, value in change.items():
        profile[field] = [] if value is None and field in LISTS else value
    pairs = [(field, current.get(field), profile.get(field)) for field in CONTENT]
    changes = [{"field": field, "from": before, "to": after} for field, before, after in pairs if before != after]
    touched = current["touched"]
    if conflict := [one["field"] for one in changes if touched.get(one["field"], 0) > expected]:
        raise Conflict(conflict)
    if not changes:
        return Updated(current, changes, None, None)
    profile["version"] = current["version"] + 1
    profile["updatedAt"] = max(now, current["updatedAt"])
    profile["touched"] = touched | {one["field"]: profile["version"] for one in changes}
    handles = tuple(one["handle"] and handle_key(one["handle"]) for one in (current, profile))
    emails = tuple(email_key(one["email"]) for one in (current, profile))
    moved = [pair if pair[0] != pair[1] else None for pair in (handles, emails)]
    return Updated(profile, changes, *moved)
