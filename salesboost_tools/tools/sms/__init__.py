"""`sms_outreach`: a durable outbox, a ledger of consent, and providers that carry the messages."""

from salesboost_tools.tools.sms.opening import open_sms
from salesboost_tools.tools.sms.outbox import SmsOutbox
from salesboost_tools.tools.sms.provider import OutboxOnly, SmsProvider
from salesboost_tools.tools.sms.scope import Policy
from salesboost_tools.tools.sms.tool import SmsOutreach

__all__ = ["OutboxOnly", "Policy", "SmsOutbox", "SmsOutreach", "SmsProvider", "open_sms"]
