"""May this person be texted now, later, or not at all?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from salesboost_tools.tools.sms.ledger import Standing
from salesboost_tools.tools.sms.phone import Phone
from salesboost_tools.tools.sms.scope import Policy
from salesboost_tools.tools.sms.vocabulary import Consent


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules say of one message.

    Attributes:
        free_from: The earliest moment, from the wanted one on, at which it may go; None if it may never go.
        why: What stands against the wanted moment; None if nothing does.
    """

    free_from: datetime | None
    why: str | None = None


def may_send(phone: Phone, wanted: datetime, standing: Standing, others: Sequence[datetime], policy: Policy) -> Verdict:
    """Return whether a message may go at the wanted moment, and from when on otherwise.

    Args:
        phone: The recipient.
        wanted: When it should go.
        standing: What the ledger says of the recipient.
        others: When other messages to the recipient went or will go.
        policy: Quiet hours, cap, and whether consent is required.
    """
    if standing.consent is Consent.WITHDRAWN:
        return Verdict(None, "This person has opted out of text messages. Use another channel.")
    if policy.consent_required and standing.consent is not Consent.GIVEN:
        return Verdict(
            None,
            "No consent to text this person is recorded. Record one with opt_in and its evidence, or use another "
            "channel.",
        )
    moment, why = wanted, None
    while True:
        awake = policy.quiet_hours.allowed_from(phone, moment)
        if awake > moment:
            why = why or "It is outside the hours in which this person may be texted."
        free = policy.cap.free_from(others, awake)
        if free > awake:
            why = why or (
                f"This person gets at most {policy.cap.messages} texts in {_hours(policy.cap.window.total_seconds())}."
            )
        if free == moment:
            return Verdict(moment, why)
        moment = free


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:g} hours"
