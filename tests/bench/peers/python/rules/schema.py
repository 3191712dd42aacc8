"""The shape of a profile's input, in pydantic; the rules of values hang on it."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic.alias_generators import to_camel
from pydantic_core import InitErrorDetails, PydanticCustomError

from .handle import read_handle
from .links import KINDS, read_url
from .tables import folded, single_spaced
from .text import clean
from .values import is_day, read_country, read_email, read_language, read_name, read_phone

Level = Literal["BEGINNER", "INTERMEDIATE", "ADVANCED", "EXPERT"]
Status = Literal["AVAILABLE", "FROM", "BUSY", "UNAVAILABLE"]


def _told(codes, value):
    """What is wrong, for pydantic to put under the field that it was found in."""
    if len(codes) == 1:
        return PydanticCustomError(codes[0], codes[0])
    details = [InitErrorDetails(type=PydanticCustomError(code, code), input=value) for code in codes]
    return ValidationError.from_exception_data("profile", details)


def _ruled(read, *context):
    """A validator of a rule that returns what is kept and appends codes to its last argument."""

    def validator(value):
        wrong = []
        kept = read(value, *context, wrong)
        if wrong:
            raise _told(wrong, value)
        return kept

    return AfterValidator(validator)


def _text(**shape):
    def read(value, wrong):
        return clean(value, wrong, **shape)

    return Annotated[str, _ruled(read)]


class Form(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, alias_generator=to_camel)


class Skill(Form):
    name: _text(least=1, most=60)
    level: Level | None = None
    years: Annotated[int, Field(ge=0, le=70)] | None = None


class Link(Form):
    kind: Literal[tuple(KINDS)]
    url: str

    @field_validator("url")
    @classmethod
    def _read(cls, value, info):
        # The address is judged even where its kind is none: all mistakes at once.
        wrong = []
        kept = read_url(value, info.data.get("kind", "WEBSITE"), wrong)
        if wrong:
            raise _told(wrong, value)
        return kept


class Location(Form):
    city: _text(most=100) | None = None
    country: Annotated[str, _ruled(read_country)]


class Availability(Form):
    status: Status
    from_: Annotated[str | None, Field(alias="from", validate_default=True)] = None

    @field_validator("from_")
    @classmethod
    def _together(cls, value, info):
        # Where the status is none, nobody knows whether a day goes with it.
        if "status" not in info.data:
            return value
        if value is not None and not is_day(value):
            raise _told(["date_malformed"], value)
        if (value is not None) != (info.data["status"] == "FROM"):
            raise _told(["date_misplaced"], value)
        return value


def once(skills):
    """Each skill once, in the member's order, and the places of those that tell something else than their twin."""
    kept, duplicates = {}, []
    for at, skill in skills:
        known = kept.setdefault(single_spaced(folded(skill.name)), skill)
        if known is skill:
            continue
        twins = ((known.level, skill.level), (known.years, skill.years))
        if any(None not in pair and pair[0] != pair[1] for pair in twins):
            duplicates.append(at)
        else:
            known.level, known.years = (one if one is not None else other for one, other in twins)
    return list(kept.values()), duplicates


def _skills(skills):
    kept, duplicates = once(enumerate(skills))
    if duplicates:
        error = PydanticCustomError("skill_duplicate", "skill_duplicate")
        details = [InitErrorDetails(type=error, loc=(at, "name"), input=skills[at].name) for at in duplicates]
        raise ValidationError.from_exception_data("profile", details)
    return kept


def _links(links):
    return [link for at, link in enumerate(links) if link not in links[:at]]


def _distinct(tags):
    return list(dict.fromkeys(tags))


class Rest(Form):
    phone: str | None = None
    headline: _text(most=120) | None = None
    bio: _text(most=4000, lines=True) | None = None
    skills: Annotated[list[Skill], Field(max_length=50), AfterValidator(_skills)] | None = None
    links: Annotated[list[Link], Field(max_length=20), AfterValidator(_links)] | None = None
    location: Location | None = None
    availability: Availability | None = None
    languages: (
        Annotated[list[Annotated[str, _ruled(read_language)]], Field(max_length=20), AfterValidator(_distinct)] | None
    ) = None

    @field_validator("phone")
    @classmethod
    def _number(cls, value, info):
        if value is None or not value.strip():
            return None
        wrong = []
        kept = read_phone(value, info.context, wrong)
        if wrong:
            raise _told(wrong, value)
        return kept


Handle = Annotated[str, _ruled(read_handle)]
Name = Annotated[str, _ruled(read_name)]
Email = Annotated[str, _ruled(read_email)]


class Create(Rest):
    handle: Handle
    first_name: Name
    last_name: Name
    email: Email


class Update(Rest):
    # Left out they stay; null is not among what they may become.
    handle: Handle = ""
    first_name: Name = ""
    last_name: Name = ""
    email: Email = ""
    remove_avatar: bool | None = None
    remove_cv: bool | None = None
