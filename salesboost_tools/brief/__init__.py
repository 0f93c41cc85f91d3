"""The account brief: what a sales manager should know about an account before the next conversation."""

from salesboost_tools.brief.account_brief import AccountBrief
from salesboost_tools.brief.graph import BriefRequest, BriefState, build_account_brief
from salesboost_tools.brief.rule_planner import RulePlanner
from salesboost_tools.brief.writing import TemplateWriter

__all__ = ["AccountBrief", "BriefRequest", "BriefState", "RulePlanner", "TemplateWriter", "build_account_brief"]
