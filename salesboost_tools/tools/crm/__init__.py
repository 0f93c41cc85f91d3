"""`crm_integration` and the database it works on."""

from salesboost_tools.tools.crm.commands import AuditTrail, Crm, WinLoss
from salesboost_tools.tools.crm.embedded import open_crm, open_database
from salesboost_tools.tools.crm.hubspot import HubSpotCrm
from salesboost_tools.tools.crm.seed import load_tables
from salesboost_tools.tools.crm.store import CrmStore
from salesboost_tools.tools.crm.tool import CrmIntegration

__all__ = [
    "AuditTrail",
    "Crm",
    "CrmIntegration",
    "CrmStore",
    "HubSpotCrm",
    "WinLoss",
    "load_tables",
    "open_crm",
    "open_database",
]
