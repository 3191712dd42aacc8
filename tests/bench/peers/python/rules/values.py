"""The rules of single values: names, addresses, numbers, places, languages, days. Each returns what is kept, or appends
its code to `wrong`."""

import datetime
import re
import unicodedata

import phonenumbers
import regex
from pydantic_core import Url, ValidationError

from .tables import LISTS, WHITE, single_spaced
from .text import clean, unfit

_LINKABLE = regex.compile(r"[^\s.．。｡][.．。｡][^\s.．。｡]{2,}")  # A dot inside a word, but in initials.
_FOREIGN = regex.compile(r"""[<>{}\[\]|\\/@\#$%^*=~`"_:;!?\&+\p{N}]""")
_ALPHABETIC = regex.compile(r"\p{Alphabetic}")
_SPACE = regex.compile(r"\p{White_Space}")
_COUNTRIES = frozenset(LISTS["countries"].split())


def read_name(value, wrong):
    before = len(wrong)
    name = clean(value, wrong, least=1, most=80)
    if len(wrong) > before:
        return None
    name = single_spaced(name)
    if not _ALPHABETIC.search(name) or _FOREIGN.search(name) or _LINKABLE.search(name):
        return wrong.append("name_malformed")
    return name


_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\U0010ffff-]+"
_LOCAL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_HOST = re.compile(r"[A-Za-z0-9.\x80-\U0010ffff-]+")
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")


def _ascii(domain):
    if domain.isascii() and "xn--" not in domain.lower():
        return domain.lower()
    try:
        return Url(f"https://{domain}/").host or ""
    except ValidationError:
        return ""


def _address(value):
    trimmed = value.strip(WHITE)
    if len(trimmed.encode()) > 1016 or unfit(trimmed) or _SPACE.search(trimmed):
        return None
    local, at, written = unicodedata.normalize("NFC", trimmed).rpartition("@")
    if not at or len(local.encode()) > 64 or not _LOCAL.fullmatch(local) or not _HOST.fullmatch(written):
        return None
    domain = _ascii(written)
    labels = domain.split(".")
    if len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels):
        return None
    if len(labels[-1]) < 2 or labels[-1].isdigit():
        return None
    kept = f"{local}@{domain}"
    return kept if len(kept.encode()) <= 254 else None


def read_email(value, wrong):
    if not value.strip(WHITE):
        return wrong.append("required")
    return _address(value) or wrong.append("email_malformed")


def email_key(email):
    """What addresses are compared by."""
    return unicodedata.normalize("NFC", email.lower())


_WRITTEN = re.compile(r"[0-9 +\-./()\xa0\u202f]+")


def read_phone(value, country, wrong):
    written = value.strip(WHITE)
    if not _WRITTEN.fullmatch(written) or len(written.encode()) > 40:
        return wrong.append("phone_malformed")
    region = country if country in phonenumbers.SUPPORTED_REGIONS else "FR"
    try:
        number = phonenumbers.parse(written.replace("\xa0", " ").replace("\u202f", " "), region)
    except phonenumbers.NumberParseException:
        return wrong.append("phone_malformed")
    if not phonenumbers.is_valid_number(number):
        return wrong.append("phone_malformed")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def warm():
    """The number's tables, which the first one would wait for."""
    read_phone("+33612345678", None, [])


def read_country(value, wrong):
    code = value.strip(WHITE)
    code = code.upper() if code.isascii() else code
    return code if code in _COUNTRIES else wrong.append("country_unknown")


# BCP 47 without extensions and private use.
_TAG = re.compile(
    r"(?P<language>[a-z]{2,3}(?:-[a-z]{3}){0,3})(?:-(?P<script>[a-z]{4}))?(?:-(?P<region>[a-z]{2}|[0-9]{3}))?"
    r"(?P<variants>(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*)",
    re.IGNORECASE | re.ASCII,
)


def read_language(value, wrong):
    written = value.strip(WHITE)
    tag = _TAG.fullmatch(written) if len(written) <= 35 else None
    if not tag:
        return wrong.append("language_unknown")
    variants = tag["variants"].lower()
    parts = [tag["language"].lower(), (tag["script"] or "").title(), (tag["region"] or "").upper()]
    if len(set(variants.split("-"))) < len(variants.split("-")):
        return wrong.append("language_unknown")
    return "-".join(part for part in parts if part) + variants


_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def is_day(text):
    try:
        return _DAY.fullmatch(text) is not None and datetime.date.fromisoformat(text) is not None
    except ValueError:
        return False
