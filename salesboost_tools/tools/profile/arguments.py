"""The arguments of `profile_reader`."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Subject = Literal["account", "person"]
ProfileField = Literal["firmographics", "identity", "buying_committee", "pains", "preferences", "consent", "timeline"]

FIELDS_OF: Mapping[Subject, tuple[ProfileField, ...]] = {
    "account": ("firmographics", "buying_committee", "pains", "preferences", "consent", "timeline"),
    "person": ("identity", "pains", "preferences", "consent", "timeline"),
}
FIELDS: tuple[ProfileField, ...] = get_args(ProfileField)


class ProfileArguments(BaseModel):
    """Whose profile, and how much of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    operation: Literal["read", "erase"] = Field(
        default="read",
        description="read: the profile. erase: remove a person's data for good, on that person's request.",
    )
    subject: Subject = Field(description="account: a company. person: somebody at one.")
    who: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)] = Field(
        description="Id ('ACC-0042', 'CON-0042-1'), name, web domain or e-mail address; an id for erase."
    )
    field: Literal["all"] | ProfileField = Field(
        default="all", description="One field, or all of them. firmographics and buying_committee: of accounts only."
    )
    limit: int = Field(default=10, ge=1, le=50, description="Entries of the timeline at most, the latest first.")
    dry_run: bool = Field(default=False, description="With erase: say what would be removed, remove nothing.")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.operation == "erase" and self.subject != "person":
            raise ValueError("erase is for a person; a company is no data subject")
        if self.operation == "read" and self.dry_run:
            raise ValueError("dry_run goes with erase")
        if self.field not in {"all", *FIELDS_OF[self.subject]}:
            raise ValueError(f"a profile of a {self.subject} has {', '.join(FIELDS_OF[self.subject])}")
        return self

    @property
    def fields(self) -> tuple[ProfileField, ...]:
        """The fields asked for."""
        return FIELDS_OF[self.subject] if self.field == "all" else (self.field,)
