"""The brief's text, written by rules from what was found."""

from salesboost_tools.brief.writing.template_writer import TemplateWriter

__all__ = ["TemplateWriter"]
