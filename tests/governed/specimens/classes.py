"""Tools made of classes, usual and unusual."""

from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForToolRun, CallbackManagerForToolRun
from langchain_core.documents import Document
from langchain_core.messages import ToolMessage
from langchain_core.prompts import PromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, StructuredTool, Tool, create_retriever_tool
from pydantic import BaseModel, Field, PrivateAttr

from tests.governed.side_by_side import Specimen


class Number(BaseModel):
    x: int


class OnlySync(BaseTool):
    name: str = "only_sync"
    description: str = "Runs in a thread."
    args_schema: type[BaseModel] = Number

    def _run(self, x: int) -> int:
        return 2 * x


class WithoutSchema(BaseTool):
    name: str = "without_schema"
    description: str = "Its schema is read off its signature."

    def _run(self, x: int, y: str = "y") -> str:
        return f"{x} {y}"


class OnlyAsync(BaseTool):
    name: str = "only_async"
    description: str = "Runs in an event loop."
    args_schema: type[BaseModel] = Number

    def _run(self, x: int) -> int:
        raise NotImplementedError("only async")

    async def _arun(self, x: int) -> int:
        return 2 * x


class BothWays(OnlySync):
    async def _arun(self, x: int) -> str:
        return f"async {x}"


class WithManager(OnlySync):
    def _run(self, x: int, run_manager: CallbackManagerForToolRun | None = None) -> str:
        return f"{x} {type(run_manager).__name__}"


class WithManagers(WithManager):
    async def _arun(self, x: int, run_manager: AsyncCallbackManagerForToolRun | None = None) -> str:
        return f"{x} {type(run_manager).__name__}"


class WithConfig(OnlySync):
    def _run(self, x: int, settings: RunnableConfig) -> str:
        return f"{x} {sorted(settings)}"


class WithConfigs(WithConfig):
    async def _arun(self, x: int, other: RunnableConfig, run_manager: Any = None) -> str:
        return f"{x} {sorted(other)} {type(run_manager).__name__}"


class TakesAnything(BaseTool):
    name: str = "takes_anything"
    description: str = "Says what it got."

    def _run(self, *args: Any, **kwargs: Any) -> str:
        return f"{args} {kwargs}"


class SplitsItsInput(TakesAnything):
    def _to_args_and_kwargs(self, tool_input: Any, tool_call_id: str | None) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return (tool_input["x"], 2), {"call": tool_call_id}


class ReadsItsInput(OnlySync):
    def _parse_input(self, tool_input: Any, tool_call_id: str | None) -> Any:
        return {"x": len(str(tool_input))}


class Remembers(OnlySync):
    _sum: int = PrivateAttr(default=0)

    def _run(self, x: int) -> int:
        self._sum += x
        return self._sum


class ShowsOtherArguments(OnlySync):
    @property
    def args(self) -> dict[str, Any]:
        return {"other": {"type": "string"}}

    @property
    def tool_call_schema(self) -> Any:
        return {"title": "shown", "type": "object", "properties": {"shown": {"type": "string"}}}


class RunsItsOwnWay(OnlySync):
    """Marks whatever it answers."""

    def run(self, tool_input: Any, *args: Any, **kwargs: Any) -> Any:
        return _marked("run", super().run(tool_input, *args, **kwargs))

    async def arun(self, tool_input: Any, *args: Any, **kwargs: Any) -> Any:
        return _marked("arun", await super().arun(tool_input, *args, **kwargs))


def _marked(mark: str, answer: Any) -> Any:
    if isinstance(answer, ToolMessage):
        return answer.model_copy(update={"content": f"{mark} {answer.content}"})
    return f"{mark} {answer}"


class ReadsEveryInput(OnlySync):
    """Takes what other tools refuse."""

    def invoke(self, given: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        return super().invoke(_numbered(given), config, **kwargs)

    async def ainvoke(self, given: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        return await super().ainvoke(_numbered(given), config, **kwargs)


def _numbered(given: Any) -> Any:
    if isinstance(given, dict) and given.get("type") == "tool_call":
        return {**given, "args": {"x": 1}}
    return given if isinstance(given, dict) else {"x": len(given)}


class Later(BaseModel):
    x: int = Field(alias="number")


class HasAliases(RunsItsOwnWay):
    args_schema: type[BaseModel] = Later


class OverridesRun(StructuredTool):
    def _run(self, *args: Any, config: RunnableConfig, run_manager: Any = None, **kwargs: Any) -> Any:
        return ("own", super()._run(*args, config=config, run_manager=run_manager, **kwargs))


class OverridesArun(StructuredTool):
    async def _arun(self, *args: Any, config: RunnableConfig, run_manager: Any = None, **kwargs: Any) -> Any:
        return ("own", await super()._arun(*args, config=config, run_manager=run_manager, **kwargs))


class OverridesSimpleRun(Tool):
    def _run(self, *args: Any, config: RunnableConfig, run_manager: Any = None, **kwargs: Any) -> Any:
        return ("own", super()._run(*args, config=config, run_manager=run_manager, **kwargs))


class Shelf(BaseRetriever):
    """Finds every document whose text holds the query."""

    texts: tuple[str, ...] = ("alpha 7", "beta 7", "gamma")

    def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
        return [Document(text, metadata={"length": len(text)}) for text in self.texts if query in text]


def double(x: int) -> int:
    """Double."""
    return 2 * x


async def double_later(x: int) -> int:
    """Double."""
    return 2 * x


def _retriever(**more: Any) -> StructuredTool:
    return create_retriever_tool(Shelf(), "shelf", "Look it up.", **more)


_QUERY = ({"query": "7"}, {"query": 7})

SPECIMENS = {
    "only _run": Specimen(OnlySync),
    "only _run, no schema": Specimen(WithoutSchema),
    "only _arun": Specimen(OnlyAsync),
    "_run and _arun": Specimen(BothWays),
    "_run with a run manager": Specimen(WithManager),
    "_run and _arun with a run manager": Specimen(WithManagers),
    "_run with the config": Specimen(WithConfig),
    "_run and _arun with the config": Specimen(WithConfigs),
    "a class that takes anything": Specimen(TakesAnything),
    "its own positional and named arguments": Specimen(SplitsItsInput),
    "its own parsing": Specimen(ReadsItsInput),
    "a tool that remembers": Specimen(Remembers),
    "its own args and tool_call_schema": Specimen(ShowsOtherArguments),
    "StructuredTool with its own _run": Specimen(lambda: OverridesRun.from_function(double, double_later)),
    "sync StructuredTool with its own _run": Specimen(lambda: OverridesRun.from_function(double)),
    "StructuredTool with its own _arun": Specimen(lambda: OverridesArun.from_function(double, double_later)),
    "Tool with its own _run": Specimen(
        lambda: OverridesSimpleRun(name="simple", func=str.upper, description="Do."), {"tool_input": "a"}, {}
    ),
    "a retriever": Specimen(_retriever, *_QUERY),
    "a retriever with artifacts": Specimen(lambda: _retriever(response_format="content_and_artifact"), *_QUERY),
    "a retriever with a prompt": Specimen(
        lambda: _retriever(
            document_prompt=PromptTemplate.from_template("{length}: {page_content}"), document_separator=" | "
        ),
        *_QUERY,
    ),
}

OWN_WAYS = {
    "its own run and arun": Specimen(RunsItsOwnWay),
    "its own invoke and ainvoke": Specimen(ReadsEveryInput),
    "its own run, and aliases": Specimen(HasAliases, {"number": 7}, {"x": 7}),
}
"""Tools whose classes replace LangChain's own way of running a tool."""
