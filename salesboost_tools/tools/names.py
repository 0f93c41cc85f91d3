"""What the sales tools are called."""

KNOWLEDGE = "knowledge_retriever"
KNOWLEDGE_VARIANTS = tuple(f"{KNOWLEDGE}_{kind}" for kind in ("lexical", "semantic", "hybrid"))

TOOL_NAMES: tuple[str, ...] = (
    KNOWLEDGE,
    "price_calculator",
    "stage_classifier",
    "crm_integration",
    "competitor_analysis",
    "profile_reader",
    "compliance_check",
    "sms_outreach",
)
