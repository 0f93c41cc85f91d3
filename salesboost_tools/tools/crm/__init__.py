"""`crm_integration` and the database it works on."""

from salesboost_tools.tools.crm.commands import AuditTrail, Crm, WinLoss
from salesboost_tools.tools.crm.embedded import open_crm
from salesboost_tools.tools.crm.store import CrmStore
from salesboost_tools.tools.crm.tool import CrmIntegration

__all__ = ["AuditTrail", "Crm", "CrmIntegration", "CrmStore", "WinLoss", "open_crm"]
