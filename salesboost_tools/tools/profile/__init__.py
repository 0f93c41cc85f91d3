"""`profile_reader`: what is known of an account or a person, with source and time, and its erasure."""

from salesboost_tools.tools.profile.erasures import Erasures, SqlErasures
from salesboost_tools.tools.profile.tool import ProfileReader

__all__ = ["Erasures", "ProfileReader", "SqlErasures"]
