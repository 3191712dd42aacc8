"""The handle: the name in a profile's address, one for each way it can look."""

import unicodedata

import regex

from .tables import LISTS, WHITE, folded, graphemes, is_allowed, is_single_script, skeleton

LEAST = 3
MOST = 30
ROUNDS = 4
_WELL_FORMED = regex.compile(r"[\p{L}0-9][\p{L}\p{M}0-9]*(?:[-_][\p{L}0-9][\p{L}\p{M}0-9]*)*")
_ALPHABETIC = regex.compile(r"\p{Alphabetic}")


def handle_key(handle):
    """What handles are compared by."""
    key = folded(handle)
    for _ in range(ROUNDS):
        following = unicodedata.normalize("NFC", folded(skeleton(key)))
        if following == key:
            break
        key = following
    return key


def _shape(word):
    # A digit one passes for an i as well as for the l that the tables draw it as.
    return handle_key(word).replace("l", "i")


_RESERVED = {_shape(word) for word in LISTS["reserved"].split()}


def read_handle(value, wrong):
    if len(value.encode()) > 1000:
        return wrong.append("too_long")
    handle = folded(value.strip(WHITE).removeprefix("@"))
    count, _ = graphemes(handle)
    if count == 0:
        return wrong.append("required")
    if count < LEAST:
        return wrong.append("too_short")
    # Marks are counted too, so that a handle of thirty letters cannot carry hundreds.
    if count > MOST or len(handle) > 2 * MOST:
        return wrong.append("too_long")
    if not _WELL_FORMED.fullmatch(handle) or not _ALPHABETIC.search(handle):
        return wrong.append("handle_malformed")
    letters = handle.replace("-", "").replace("_", "")
    if not is_single_script(letters) or not is_allowed(letters):
        return wrong.append("handle_mixed_scripts")
    if _shape(letters) in _RESERVED or _shape(letters.rstrip("0123456789")) in _RESERVED:
        return wrong.append("handle_reserved")
    return handle
