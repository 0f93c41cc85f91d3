"""Nobody who said stop gets another message: also none of those that wait already."""

from sqlalchemy import Connection, update

from salesboost_tools.tools.sms.ledger import Entry, enter, locked_standing
from salesboost_tools.tools.sms.schema import messages
from salesboost_tools.tools.sms.vocabulary import WAITING, State


def opt_out(connection: Connection, tenant_id: str, number: str, entry: Entry) -> bool:
    """Enter that somebody wants no more texts, cancel what waits for them, and return whether the entry was new."""
    locked_standing(connection, tenant_id, number, entry.at)
    if not enter(connection, tenant_id, number, entry):
        return False
    connection.execute(
        update(messages)
        .where(messages.c.tenant_id == tenant_id, messages.c.recipient == number, messages.c.state.in_(WAITING))
        .values(state=State.CANCELLED, error="The person opted out.", updated_at=entry.at)
    )
    return True
