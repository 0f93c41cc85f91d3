"""Which properties may be written, and what they may hold: one allow-list per record type."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, get_type_hints

from pydantic import AwareDatetime, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from salesboost_tools.tools.argument import wrong_input
from salesboost_tools.tools.crm.vocabulary import (
    AccountStatus,
    BuyingRole,
    Channel,
    Consent,
    RecordType,
    TaskStatus,
)


def _text(most: int, pattern: str | None = None) -> StringConstraints:
    return StringConstraints(strip_whitespace=True, min_length=1, max_length=most, pattern=pattern)


Id = Annotated[str, _text(64)]
Name = Annotated[str, _text(200)]
PersonName = Annotated[str, _text(80)]
Domain = Annotated[
    str, StringConstraints(strip_whitespace=True, to_lower=True, max_length=253, pattern=r"^[^\s@/]+\.[^\s@/]+$")
]
Email = Annotated[
    str, StringConstraints(strip_whitespace=True, to_lower=True, max_length=254, pattern=r"^[^\s@]+@[^\s@]+\.[^\s@]+$")
]
Phone = Annotated[str, _text(40, r"^\+[0-9][0-9 ()\-]{5,}$")]


_CLOSED = ConfigDict(extra="forbid")


@with_config(_CLOSED)
class AccountProperties(TypedDict, total=False):
    """What may be written to an account."""

    name: Name
    domain: Domain | None
    industry: Annotated[str, _text(60)] | None
    employees: Annotated[int, Field(ge=0, le=10_000_000)] | None
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None
    city: Annotated[str, _text(80)] | None
    phone: Phone | None
    status: AccountStatus
    owner_id: Id | None


class _ContactDetails(TypedDict, total=False):
    email: Email | None
    phone: Phone | None
    title: Annotated[str, _text(120)] | None
    buying_role: BuyingRole | None
    preferred_channel: Channel | None
    email_consent: Consent


@with_config(_CLOSED)
class ContactProperties(_ContactDetails, total=False):
    """What may be written to a contact."""

    first_name: PersonName
    last_name: PersonName


@with_config(_CLOSED)
class NewContact(_ContactDetails):
    """A contact that does not exist yet: nameless ones are refused."""

    first_name: PersonName
    last_name: PersonName


@with_config(_CLOSED)
class DealProperties(TypedDict, total=False):
    """What may be written to a deal; its stage has an operation of its own."""

    name: Name
    amount: Annotated[Decimal, Field(ge=0, le=10**12)]
    close_date: date
    owner_id: Id | None
    competitor: Annotated[str, _text(60)] | None
    next_step: Annotated[str, _text(300)] | None


@with_config(_CLOSED)
class ActivityProperties(TypedDict, total=False):
    """What may be written to a note or a task; `due_at` and `status` belong to tasks."""

    subject: Name
    body: Annotated[str, _text(4000)]
    due_at: AwareDatetime
    status: TaskStatus


_UPDATE: Mapping[RecordType, type] = {
    "account": AccountProperties,
    "contact": ContactProperties,
    "deal": DealProperties,
    "activity": ActivityProperties,
}
_CHECKS: Mapping[type, TypeAdapter[Any]] = {kind: TypeAdapter(kind) for kind in (*_UPDATE.values(), NewContact)}


def allowed_properties(record_type: RecordType) -> tuple[str, ...]:
    """Return the names that `update` may write."""
    return _names(_UPDATE[record_type])


def properties_to_update(record_type: RecordType, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return checked values of the given properties; None clears one that may be empty.

    Raises:
        ToolInputError: None given, an unknown one, or a value it cannot hold; the message names those allowed.
    """
    kind = _UPDATE[record_type]
    if not given:
        raise wrong_input(f"Nothing to change: name at least one of {', '.join(_names(kind))}.")
    return _checked(kind, given, what=f"{record_type} properties")


def properties_of_new_contact(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return checked values of a new contact.

    Raises:
        ToolInputError: A name is missing, a property unknown or a value wrong.
    """
    return _checked(NewContact, given, what="contact properties")


def _checked(kind: type, given: Mapping[str, Any], what: str) -> dict[str, Any]:
    try:
        return dict(_CHECKS[kind].validate_python(given))
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, each['loc'][:1]))}: {each['msg']}" for each in error.errors())
        raise wrong_input(f"Wrong {what}: {wrong}. Allowed: {', '.join(_names(kind))}.") from None


def _names(kind: type) -> tuple[str, ...]:
    return tuple(sorted(get_type_hints(kind)))
