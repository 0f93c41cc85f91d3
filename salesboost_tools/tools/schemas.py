"""The tables of all tools: a module that has some adds its `Schema` here, and the migration tests then cover it."""

from salesboost_tools.tools.crm.schema import CRM_SCHEMA
from salesboost_tools.tools.database import Schema
from salesboost_tools.tools.profile.schema import PROFILE_SCHEMA
from salesboost_tools.tools.sms.schema import SMS_SCHEMA

SCHEMAS: tuple[Schema, ...] = (CRM_SCHEMA, SMS_SCHEMA, PROFILE_SCHEMA)
