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
    Created,
    OpenStage,
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
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
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


class ContactProperties(TypedDict, total=False):
    """What may be written to a contact."""

    first_name: PersonName
    last_name: PersonName
    email: Email | None
    phone: Phone | None
    title: Annotated[str, _text(120)] | None
    buying_role: BuyingRole | None
    preferred_channel: Channel | None
    email_consent: Consent


@with_config(_CLOSED)
class AnyAccount(AccountProperties, total=False):
    """An account that may exist. `currency` is that of its revenue, USD if left out; it is fixed at creation."""

    currency: Currency


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
class AnyDeal(DealProperties, total=False):
    """A deal that may exist. `currency` and `stage` are set at creation; the stage is the first one if left out."""

    currency: Currency
    stage: OpenStage


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
_ANY: Mapping[Created, type] = {"account": AnyAccount, "contact": ContactProperties, "deal": AnyDeal}
_NEEDED: Mapping[Created, frozenset[str]] = {
    "account": frozenset({"name"}),
    "contact": frozenset({"first_name", "last_name"}),
    "deal": frozenset({"name", "amount", "currency", "close_date"}),
}
"""What a new record cannot do without."""
SET_AT_CREATION = frozenset({"currency", "stage"})
"""Properties that `update` does not change; a stage has an operation of its own."""
KNOWN_BY: Mapping[Created, str] = {"account": "domain", "contact": "email", "deal": "name"}
"""What a record is found by in an upsert; a deal's name counts within its account."""
_CHECKS: Mapping[type, TypeAdapter[Any]] = {kind: TypeAdapter(kind) for kind in (*_UPDATE.values(), *_ANY.values())}


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


def properties_of_new(record_type: Created, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return checked values of a new record.

    Raises:
        ToolInputError: One that is needed is missing, unknown or wrong.
    """
    if missing := sorted(_NEEDED[record_type] - given.keys()):
        raise wrong_input(
            f"Wrong {record_type} properties: {', '.join(missing)}: Field required. "
            f"Allowed: {', '.join(_names(_ANY[record_type]))}."
        )
    return _checked(_ANY[record_type], given, what=f"{record_type} properties")


def properties_to_upsert(record_type: Created, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return checked values of a record that may exist; one that is missing matters only if it does not.

    Raises:
        ToolInputError: What the record is known by is missing, or a property is unknown or wrong.
    """
    if not given.get(KNOWN_BY[record_type]):
        raise wrong_input(f"`upsert` of {record_type} goes by its {KNOWN_BY[record_type]}: put it into properties.")
    return _checked(_ANY[record_type], given, what=f"{record_type} properties")


def _checked(kind: type, given: Mapping[str, Any], what: str) -> dict[str, Any]:
    try:
        return dict(_CHECKS[kind].validate_python(given))
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, each['loc'][:1]))}: {each['msg']}" for each in error.errors())
        raise wrong_input(f"Wrong {what}: {wrong}. Allowed: {', '.join(_names(kind))}.") from None


def _names(kind: type) -> tuple[str, ...]:
    return tuple(sorted(get_type_hints(kind)))
