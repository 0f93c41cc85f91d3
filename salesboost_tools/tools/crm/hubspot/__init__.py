"""HubSpot as the CRM behind `crm_integration`."""

from salesboost_tools.tools.crm.hubspot.crm import HubSpotCrm

__all__ = ["HubSpotCrm"]
