"""What members may write into a profile: `validate(input)` gives `{"profile": ...}`, normalised, or `{"violations": ...}`,
all of them."""

from pydantic import ValidationError

from .handle import handle_key
from .schema import Create, Skill, Update, once
from .text import is_visible
from .values import email_key, read_country, warm

__all__ = ["email_key", "handle_key", "validate", "validate_change", "warm"]

LARGEST = 64 * 1024
DEEPEST = 4

_CODES = {
    "extra_forbidden": "unknown_field",
    "too_long": "too_many",
    "greater_than_equal": "out_of_range",
    "less_than_equal": "out_of_range",
    "missing": "required",
}
# What pydantic calls a value of another type; all other types of errors are codes of the rules.
_TYPES = {"string_type", "int_type", "int_from_float", "bool_type", "list_type", "model_type", "dict_type", "literal_error"}


def _depth(value, most):
    if most == 0:
        return 0
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list):
        return 0
    return 1 + max((_depth(entry, most - 1) for entry in value), default=0)


def _weight(value):
    if isinstance(value, str):
        return len(value.encode()) + 2
    if isinstance(value, list):
        return sum(_weight(entry) + 1 for entry in value) + 2
    if isinstance(value, dict):
        return sum(len(name.encode()) + _weight(entry) + 4 for name, entry in value.items()) + 2
    return 5


def _path(loc):
    path = ""
    for part in loc:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += f".{part}" if path else part
    return path


def _told(error):
    kind, loc = error["type"], error["loc"]
    if loc == ("availability", "from_") and kind != "extra_forbidden":
        # A field that is absent is told by its name in Python.
        loc = ("availability", "from")
    if kind == "extra_forbidden":
        shown = "".join(filter(is_visible, loc[-1]))[:40]
        return {"code": "unknown_field", "path": _path((*loc[:-1], shown))}
    if kind in _TYPES:
        if error["input"] is None and loc and isinstance(loc[-1], str):
            code = "required"
        elif kind == "literal_error" and isinstance(error["input"], str):
            code = "not_one_of"
        else:
            code = "wrong_type"
    # The rules have a too_long of their own, which is of texts.
    elif kind == "too_long" and "ctx" not in error:
        code = "too_long"
    else:
        code = _CODES.get(kind, kind)
    return {"code": code, "path": _path(loc)}


def _duplicates(entries):
    """Where entries have mistakes the schema does not compare them; those without are compared all the same."""
    right = []
    for at, entry in enumerate(entries):
        try:
            right.append((at, Skill.model_validate(entry)))
        except ValidationError:
            continue
    return [{"code": "skill_duplicate", "path": f"skills[{at}].name"} for at in once(right)[1]]


def _country(value, country):
    """The country of the new location, or the one where the profile is so far."""
    place = value.get("location") if isinstance(value, dict) else None
    told = place.get("country") if isinstance(place, dict) else None
    return (read_country(told, []) if isinstance(told, str) else None) or country


def validate(value, model=Create, country=None):
    large = []
    if _depth(value, DEEPEST + 1) > DEEPEST:
        large.append({"code": "input_too_deep", "path": ""})
    if _weight(value) > LARGEST:
        large.append({"code": "input_too_large", "path": ""})
    if large:
        return {"violations": large}
    try:
        read = model.model_validate(value, context=_country(value, country))
    except ValidationError as error:
        errors = error.errors(include_url=False)
        violations = [_told(one) for one in errors]
        broken = any(one["loc"][:1] == ("skills",) and len(one["loc"]) > 1 for one in errors)
        if broken and not any(one["code"] == "skill_duplicate" for one in violations):
            violations += _duplicates(value["skills"])
        return {"violations": violations}
    return {"profile": read.model_dump(by_alias=True, include=read.model_fields_set)}


def validate_change(value, country):
    return validate(value, Update, country)
