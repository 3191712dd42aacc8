"""Links: https only, on hosts that everyone can reach, and each on the host of its kind. Addresses are read by pydantic's
`Url`, as browsers do."""

import re

import regex
from pydantic_core import Url, ValidationError

from .tables import WHITE, is_single_script, skeleton
from .text import unfit

LONGEST = 2048
PRIVATE = (
    "localhost localdomain local internal intranet private lan home corp home.arpa arpa test invalid example onion alt"
).split()

KINDS = {
    "WEBSITE": [],
    "LINKEDIN": ["linkedin.com"],
    "GITHUB": ["github.com", "github.io"],
    "GITLAB": ["gitlab.com", "gitlab.io"],
    "MALT": ["malt.fr", "malt.com"],
    "BEHANCE": ["behance.net"],
    "DRIBBBLE": ["dribbble.com"],
    "INSTAGRAM": ["instagram.com"],
    "YOUTUBE": ["youtube.com", "youtu.be"],
    "X": ["x.com", "twitter.com"],
}

_MENDED = regex.compile(r"[\\\p{White_Space}]")
_USERINFO = re.compile(r"//[^/?#]*@")
_NUMBER = re.compile(r"[0-9.]+|\[.*\]")
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")


def _is_or_below(host, domain):
    return host == domain or host.endswith("." + domain)


def _is_public(host):
    labels = host.split(".")
    return (
        len(host) <= 253
        and len(labels) > 1
        and all(_LABEL.fullmatch(label) for label in labels)
        and not any(_is_or_below(host, name) for name in PRIVATE)
    )


def _imitates(url):
    """Whether a label mixes scripts, or is drawn from another script to look like Latin letters."""
    foreign = [label for label in url.unicode_host().split(".") if not label.isascii()]
    return any(not is_single_script(label) or skeleton(label).isascii() for label in foreign)


def read_url(value, kind, wrong):
    written = value.strip(WHITE)
    if not written:
        return wrong.append("required")
    if len(written.encode()) > LONGEST:
        return wrong.append("too_long")
    if code := unfit(written):
        return wrong.append(code)
    scheme, colon, rest = written.partition(":")
    if not colon:
        return wrong.append("url_malformed")
    if scheme.lower() != "https":
        return wrong.append("url_not_https")
    if not rest.startswith("//") or rest.startswith("///") or _MENDED.search(rest):
        return wrong.append("url_malformed")
    try:
        url = Url(written)
    except ValidationError:
        return wrong.append("url_malformed")
    if _USERINFO.match(rest):
        return wrong.append("url_userinfo")
    if url.port != 443:
        return wrong.append("url_port")
    host = url.host
    if not host or _NUMBER.fullmatch(host) or not _is_public(host):
        return wrong.append("url_private_host")
    if "xn--" in host and _imitates(url):
        return wrong.append("url_mixed_scripts")
    hosts = KINDS[kind]
    if hosts and not any(_is_or_below(host, known) for known in hosts):
        return wrong.append("url_kind_mismatch")
    # The bound holds for what is kept: percent signs triple what stands outside ASCII.
    kept = str(url)
    return kept if len(kept) <= LONGEST else wrong.append("too_long")
