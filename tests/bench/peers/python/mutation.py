"""updateProfile: loads, checks who asks, validates, merges, writes in one transaction, and answers as the resolver expects."""

import time
from datetime import datetime, timezone

from access import caller, may_update, view
from change import Conflict, update
from notices import mails
from rules import validate_change

TRIES = 8
SENTENCES = {
    "Invalid": ("La demande contient des erreurs.", "The request has mistakes."),
    "Conflict": (
        "Quelqu’un a modifié les mêmes champs entre-temps ; relisez-les et recommencez.",
        "Somebody changed the same fields meanwhile; read them again and retry.",
    ),
    "Denied": ("Vous n’y êtes pas autorisé.", "You are not allowed to do this."),
    "NotFound": ("Ce profil n’existe pas.", "There is no such profile."),
    "Unknown": ("Cette opération n’existe pas.", "There is no such operation."),
}


class Refused(Exception):
    """A failure that the client is answered with."""

    def __init__(self, error_type, info=None):
        super().__init__(error_type)
        self.error_type = error_type
        self.info = info


def answer_of(refused, headers):
    accepted = next((value for name, value in (headers or {}).items() if name.lower() == "accept-language"), "") or ""
    french, english = SENTENCES[refused.error_type]
    message = english if accepted.strip().lower().startswith("en") else french
    return {"error": {"errorType": refused.error_type, "message": message, "errorInfo": refused.info}}


def _arguments(given):
    given = given or {}
    expected = given.get("expectedVersion")
    kinds = {"id": str, "expectedVersion": int, "input": object}
    wrong = []
    for path, kind in kinds.items():
        if given.get(path) is None:
            wrong.append({"code": "required", "path": path})
        elif not isinstance(given[path], kind) or isinstance(given[path], bool) and kind is int:
            wrong.append({"code": "wrong_type", "path": path})
    if type(expected) is int and not 1 <= expected <= 0x7FFFFFFF:
        wrong.append({"code": "out_of_range", "path": "expectedVersion"})
    unknown = [name for name in given if name not in kinds]
    wrong += [{"code": "unknown_field", "path": name[:40]} for name in unknown[:100]]
    if wrong:
        raise Refused("Invalid", {"violations": wrong})
    return given["id"], expected, given["input"]


def mutate(event, directory):
    if (event.get("info") or {}).get("fieldName") != "updateProfile":
        raise Refused("Unknown")
    who = caller(event.get("identity"))
    if not who:
        raise Refused("Denied")
    profile_id, expected, given = _arguments(event.get("arguments"))
    current = directory.by_id(profile_id)
    if not may_update(who, current and current["owner"]):
        raise Refused("Denied")
    if not current:
        raise Refused("NotFound")
    validated = validate_change(given, (current.get("location") or {}).get("country"))
    if "violations" in validated:
        raise Refused("Invalid", validated)
    for _ in range(TRIES):
        now = time.time()
        at = datetime.fromtimestamp(now, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        try:
            updated = update(current, validated["profile"], expected, at)
        except Conflict as conflict:
            shown = view(who, current)
            del shown["avatar"], shown["cv"]
            raise Refused("Conflict", {"current": shown, "fields": conflict.fields}) from conflict
        if not updated.changes:
            return view(who, current)
        told = mails(current, updated.profile, updated.changes)
        found = directory.commit(updated, f"member/{who.sub}", told, now)
        if found.done:
            return view(who, updated.profile)
        if found.taken:
            taken = [{"code": f"{field}_taken", "path": field} for field in found.taken]
            raise Refused("Invalid", {"violations": taken})
        if found.moved is None:
            raise Refused("NotFound")
        current = found.moved
    raise RuntimeError("others were faster each time")
