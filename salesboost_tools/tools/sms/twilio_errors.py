"""Twilio's error numbers in sentences that name nobody and say what to do.

Source: Twilio's error and warning dictionary. Only those that texting meets; others are told by their number.
"""

from collections.abc import Mapping
from typing import Final

OPTED_OUT: Final = 21610
TOO_MANY_REQUESTS: Final = 20429

_REASONS: Final[Mapping[int, str]] = {
    20003: "Twilio does not accept the account's credentials; a person has to mend the set-up.",
    TOO_MANY_REQUESTS: "Twilio is busy; the message can be sent a little later.",
    21211: "Twilio says that this number does not exist. Ask the customer for another one.",
    21212: "Twilio does not accept the sender; a person has to mend the set-up.",
    21217: "Twilio says that this number does not exist. Ask the customer for another one.",
    21219: "A trial account texts only numbers that were verified with Twilio; a person has to mend the set-up.",
    21265: "Short codes cannot be texted. Ask the customer for a mobile number.",
    21266: "The sender and the recipient are the same number.",
    21408: "The account may not text this country; a person has to allow it at Twilio.",
    21602: "The message has no text.",
    21603: "No sender is set up; a person has to mend the set-up.",
    21606: "The sender cannot send texts from this account; a person has to mend the set-up.",
    21608: "A trial account texts only numbers that were verified with Twilio; a person has to mend the set-up.",
    OPTED_OUT: "This person has opted out of text messages. Use another channel.",
    21611: "The sender's queue is full; send fewer messages, or later.",
    21612: "No route leads from the sender to this number. Use another channel.",
    21614: "This is no mobile number. Ask the customer for one, or use another channel.",
    21617: "The text is too long for Twilio. Shorten it.",
    30001: "The queue was full and the message was dropped. It may be sent again later.",
    30002: "The account is suspended; a person has to talk to Twilio.",
    30003: "The phone was switched off or out of reach. Try another channel, or later.",
    30004: "The recipient or the network blocks these messages. Use another channel.",
    30005: "The network does not know this number. Ask the customer for another one.",
    30006: "This is a landline or a network that takes no texts. Use another channel.",
    30007: "The network filtered the message as unwanted. Change the text before anything more is sent.",
    30008: "The network does not say why it failed. Try another channel.",
    30010: "The message cost more than the account allows.",
    30017: "The network is congested. Try later.",
    30022: "The network's limit for this sender is reached. Try later.",
    30023: "The network's daily limit for this sender is reached. Try tomorrow.",
    30032: "The toll-free sender is not verified; a person has to mend the set-up.",
    30034: "The sender is not registered with the networks (A2P 10DLC); a person has to mend the set-up.",
}


def reason_for(code: int | None) -> str:
    """Return what an error number means and what to do about it."""
    if code is None:
        return "Twilio did not accept the message and did not say why. Use another channel."
    return _REASONS.get(code, f"Twilio reports error {code} for this message. Use another channel.")
