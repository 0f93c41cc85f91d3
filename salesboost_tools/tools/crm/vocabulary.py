"""The closed lists of words the CRM uses."""

from typing import Final, Literal, get_args

RecordType = Literal["account", "contact", "deal", "activity"]
Created = Literal["account", "contact", "deal"]
"""What is created with properties of its own; notes and tasks have operations of theirs."""
OpenStage = Literal["qualification", "discovery", "evaluation", "proposal", "negotiation", "closing"]
Stage = Literal[OpenStage, "won", "lost"]
ActivityKind = Literal["email", "call", "meeting", "note", "task"]
AccountStatus = Literal["prospect", "customer", "former"]
BuyingRole = Literal["economic_buyer", "champion", "technical_buyer", "procurement", "user", "influencer"]
Channel = Literal["email", "phone", "text"]
Consent = Literal["given", "withdrawn", "unknown"]
TaskStatus = Literal["open", "done"]

STAGES: Final[tuple[Stage, ...]] = get_args(Stage)
"""In the order a deal passes them; the last two end it."""
CLOSED_STAGES: Final[tuple[Stage, ...]] = ("won", "lost")
OPEN_STAGES: Final[tuple[Stage, ...]] = tuple(stage for stage in STAGES if stage not in CLOSED_STAGES)
RECORD_TYPES: Final[tuple[RecordType, ...]] = get_args(RecordType)

CUSTOMER_CONTACT: Final[tuple[ActivityKind, ...]] = ("email", "call", "meeting")
"""Activities that count when a deal is called stalled: notes and tasks are talk among ourselves, and so is a mail that
we sent and nobody answered (an outbound email)."""
