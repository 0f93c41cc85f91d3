"""`compliance_check` and the rules it reads."""

from salesboost_tools.tools.compliance.tool import ComplianceCheck

__all__ = ["ComplianceCheck"]
