"""The tool calls a brief is made of: what is asked, and what it is about in a few words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from langchain_core.messages import AIMessage

CRM = "crm_integration"
KNOWLEDGE = "knowledge_retriever"
PRICES = "price_calculator"
COMPETITOR = "competitor_analysis"


@dataclass(frozen=True, slots=True)
class Call:
    """A question to a tool."""

    tool: str
    args: Mapping[str, Any]


def crm(operation: str, record_type: str, **args: Any) -> Call:
    """Return a question to the CRM."""
    return Call(CRM, {"operation": operation, "record_type": record_type, **args})


def planned(calls: Sequence[Call], why: str) -> AIMessage:
    """Return the message that asks for all these calls at once; with none it says only why."""
    return AIMessage(
        why,
        tool_calls=[
            {"name": call.tool, "args": dict(call.args), "id": f"call-{uuid4().hex}", "type": "tool_call"}
            for call in calls
        ],
    )


def subject_of(tool: str, args: Mapping[str, Any]) -> str:
    """Return in a few words what a call asks for."""
    match tool:
        case "crm_integration":
            return _crm_subject(args)
        case "knowledge_retriever":
            return str(args.get("query", "?"))
        case "price_calculator":
            return _price_subject(args)
        case "competitor_analysis":
            return f"{args.get('aspect', 'overview')} of {args.get('competitor') or args.get('category') or 'all'}"
        case _:
            return ", ".join(f"{name} {value}" for name, value in args.items())


def _crm_subject(args: Mapping[str, Any]) -> str:
    kind = {"activity": "activities"}.get(str(args.get("record_type")), f"{args.get('record_type', 'record')}s")
    if args.get("operation") == "get":
        return f"{args.get('record_type')} {args.get('record_id')}"
    if args.get("operation") == "search":
        return f"{kind} called {args.get('query')!r}"
    words = [str(args["stage"])] if "stage" in args else []
    words += ["stalled"] if "stalled_days" in args else []
    words.append(kind)
    words += [f"of {args[name]}" for name in ("account_id", "deal_id") if name in args]
    words += [f"against {args['competitor']}"] if args.get("competitor") else []
    return " ".join(words)


def _price_subject(args: Mapping[str, Any]) -> str:
    discounts = [str(each.get("code") or "matching discount") for each in args.get("discounts") or ()]
    codes = [line["sku"] for line in args.get("lines") or ()]
    return f"{args.get('months', 12)} months, " + " + ".join(
        [f"{len(codes)} product{'s' if len(codes) != 1 else ''}", *discounts]
    )
