"""Free text: its length as readers count it, and the characters that may stand in it."""

import unicodedata

import regex

from .tables import WHITE, graphemes, is_plain

LONGEST_GRAPHEME = 12

_DIRECTION = regex.compile(r"[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]")
_CONTROL = regex.compile(r"[\p{Cc}\p{Zl}\p{Zp}]")
_SELECTOR = regex.compile(r"[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
# Whatever nobody sees, or may be right only in its place.
_HIDDEN = (
    r"\p{Cc}\p{Zl}\p{Zp}\p{Cf}\p{Co}\p{Cs}\p{Noncharacter_Code_Point}"
    r"\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
)
_WRONG = regex.compile(f"[{_HIDDEN}]")
_SUSPECT = regex.compile(rf"[{_HIDDEN}\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_EMOJI = regex.compile(r"(?![\x00-\x7f])\p{Emoji}")
_INHERITED = regex.compile(r"\p{sc=Zinh}")
_JOINERS = "Arab Syrc Mand Mong Nkoo Adlm Deva Beng Guru Gujr Orya Taml Telu Knda Mlym Sinh Khmr Mymr Tibt Bali Java"
_JOINING = regex.compile("[" + "".join(rf"\p{{sc={name}}}" for name in _JOINERS.split()) + "]")
_FLAG = regex.compile("\U0001f3f4[\U000e0020-\U000e007e]{0,6}$")


def _why(c):
    if _DIRECTION.match(c):
        return "direction_character"
    return "control_character" if _CONTROL.match(c) else "invisible_character"


def _joins(c, before, after):
    """Whether a joiner stands where emoji, or scripts whose letters change with their neighbours, need it."""
    if not before or not after:
        return False
    if c == "\u200d" and (_EMOJI.match(before) or before == "\ufe0f") and _EMOJI.match(after):
        return True
    return bool((_JOINING.match(before) or _INHERITED.match(before)) and _JOINING.match(after))


def _stands(text, at, lines):
    c, before, after = text[at], text[at - 1 : at], text[at + 1 : at + 2]
    if c == "\n":
        return lines
    if c in "\u200c\u200d":
        return _joins(c, before, after)
    if _SELECTOR.match(c):
        return bool(before and not _WRONG.match(before) and not _SELECTOR.match(before) and before not in WHITE)
    return "\U000e0020" <= c <= "\U000e007f" and _FLAG.search(text, 0, at) is not None


def unfit(text, lines=False, longest=None):
    """The first kind of mistake in the characters of a text."""
    if is_plain(text) and (lines or "\n" not in text):
        return None
    for found in _SUSPECT.finditer(text):
        if not _stands(text, found.start(), lines):
            return _why(found[0])
    longest = graphemes(text)[1] if longest is None else longest
    return "stacked_marks" if longest > LONGEST_GRAPHEME else None


def _normal(value, lines):
    composed = unicodedata.normalize("NFC", value)
    if not lines:
        return composed.strip(WHITE)
    text = composed.replace("\r\n", "\n").replace("\r", "\n").strip(WHITE)
    return "\n".join(line.rstrip(WHITE) for line in text.split("\n"))


def is_visible(c):
    return _WRONG.match(c) is None


def clean(value, wrong, *, least=0, most, lines=False):
    """The text as it is kept, None if it is empty and may be; mistakes go to `wrong`."""
    text = _normal(value, lines)
    count, longest = graphemes(text)
    if code := unfit(text, lines, longest):
        wrong.append(code)
    if count > most:
        wrong.append("too_long")
    elif count == 0 and least > 0:
        wrong.append("required")
    elif count < least:
        wrong.append("too_short")
    return text or None
