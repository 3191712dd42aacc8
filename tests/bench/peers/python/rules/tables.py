"""What Unicode's tables say beyond Python's own: folding, shapes that readers confuse, scripts (UTS 39), graphemes."""

import json
import unicodedata
from pathlib import Path

import regex


def _data(name):
    here = Path(__file__).parent
    # In a bundle the data lies beside the rules.
    found = here / "data" / name
    return json.loads((found if found.exists() else here.parents[1] / "data" / name).read_text("utf-8"))


LISTS = _data("lists.json")
_UTS39 = _data("uts39.json")
_PROTOTYPES = {ord(c): prototype for prototype, letters in _UTS39["confusables"].items() for c in letters}


def _bounds(span):
    return "-".join(rf"\U{int(code, 16):08x}" for code in span.split("-"))


_ALLOWED = regex.compile("[" + "".join(_bounds(span) for span in _UTS39["allowed"].split()) + "]*")

# Scripts that identifiers are written in, recommended or limited (UAX 31, tables 5 and 7).
_SCRIPTS = (
    "Latn Grek Cyrl Arab Hebr Deva Beng Thai Armn Geor Ethi Guru Gujr Orya Taml Telu Knda Mlym Sinh Laoo Tibt Mymr Khmr "
    "Thaa Adlm Cher Cans Cakm Olck Nkoo Newa Syrc Yiii Tfng Vaii Mong Java Bali Sund Lisu Mtei Tavt Lana Saur Wcho"
).split()


def _writing(*scripts):
    return regex.compile("[" + "".join(rf"\p{{scx={name}}}" for name in ("Zyyy", "Zinh", *scripts)) + "]*")


_WRITINGS = [_writing(name) for name in _SCRIPTS]
_WRITINGS += [_writing("Hani", "Hira", "Kana"), _writing("Hani", "Hang"), _writing("Hani", "Bopo")]

# Latin text with its usual signs: each code point is a grapheme, none is hidden, and NFC changes none.
_PLAIN = regex.compile(r"[\n\x20-\x7e\xa0-\xac\xae-\u02ff\u2010-\u2027\u2030-\u205e\u20a0-\u20bf]*")
_IGNORABLE = regex.compile(r"\p{Default_Ignorable_Code_Point}")
_GRAPHEME = regex.compile(r"\X")
_SPACES = regex.compile(r"\p{White_Space}+")

# What the property White_Space has; str.strip() takes four controls away too.
WHITE = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"


def is_plain(text):
    return _PLAIN.fullmatch(text) is not None


def single_spaced(text):
    return _SPACES.sub(" ", text).strip(" ")


def graphemes(text):
    """How many characters a reader counts, and how many code points the longest of them has."""
    if is_plain(text):
        return len(text), 1
    found = _GRAPHEME.findall(text)
    return len(found), max(map(len, found), default=0)


def folded(text):
    """`text` without differences of case and of compatibility."""
    if text.isascii():
        return text.lower()

    def fold(part):
        return unicodedata.normalize("NFKC", part.casefold())

    return fold(fold(unicodedata.normalize("NFKC", text)))


def skeleton(text):
    """The shape of a text (UTS 39, skeletons)."""
    bare = _IGNORABLE.sub("", unicodedata.normalize("NFD", text))
    return unicodedata.normalize("NFD", bare.translate(_PROTOTYPES))


def is_allowed(text):
    return _ALLOWED.fullmatch(text) is not None


def is_single_script(text):
    return text.isascii() or any(one.fullmatch(text) for one in _WRITINGS)
