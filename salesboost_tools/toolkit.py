"""`SalesToolkit`: the sales tools with the usual handlers around them, set up from the environment."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from langchain_core.embeddings import Embeddings
from langchain_core.tools import BaseTool, BaseToolkit
from pydantic import ConfigDict, PrivateAttr

from salesboost_tools.choosing import selector_of
from salesboost_tools.executor import ToolExecutor
from salesboost_tools.governed import GovernedTool, govern
from salesboost_tools.handlers.approval import ApprovalHandler
from salesboost_tools.handlers.base import ToolHandler
from salesboost_tools.handlers.cache import CacheHandler
from salesboost_tools.handlers.circuit_breaker import CircuitBreakerHandler
from salesboost_tools.handlers.idempotency import IdempotencyHandler
from salesboost_tools.handlers.masking import MaskingHandler
from salesboost_tools.handlers.metrics import MetricsHandler
from salesboost_tools.handlers.permission import PermissionHandler
from salesboost_tools.handlers.rate_limit import RateLimitHandler
from salesboost_tools.handlers.retry import RetryHandler
from salesboost_tools.handlers.status import StatusHandler
from salesboost_tools.handlers.timeout import TimeoutHandler
from salesboost_tools.health import ToolHealthChecker
from salesboost_tools.health.store import StoreHealth
from salesboost_tools.nodes.fan_out import ToolFanOut
from salesboost_tools.observe.metrics import ToolMetrics
from salesboost_tools.per_tool import tool_by_tool
from salesboost_tools.sales_tools import OpenTools, open_sales_tools
from salesboost_tools.selection.group import ToolGroup
from salesboost_tools.selection.selector import ToolSelector
from salesboost_tools.settings import Settings
from salesboost_tools.state import MemoryState, State
from salesboost_tools.tools.sms import SmsOutbox

if TYPE_CHECKING:
    from langchain_core.retrievers import BaseRetriever
    from langchain_core.vectorstores import VectorStore

Make = Callable[[Settings, State], ToolHandler]

USUAL_ORDER: tuple[tuple[str, type[ToolHandler], Make], ...] = (
    ("status_enabled", StatusHandler, lambda _, __: StatusHandler()),
    ("metrics_enabled", MetricsHandler, lambda _, __: MetricsHandler()),
    ("masking_enabled", MaskingHandler, lambda _, __: MaskingHandler()),
    ("permission_enabled", PermissionHandler, lambda _, __: PermissionHandler()),
    ("approval_enabled", ApprovalHandler, lambda _, __: ApprovalHandler()),
    ("idempotency_enabled", IdempotencyHandler, lambda _, state: IdempotencyHandler(state)),
    (
        "cache_enabled",
        CacheHandler,
        lambda settings, state: CacheHandler(
            state,
            default_ttl_s=settings.cache_ttl,
            stale_s=settings.cache_stale,
            empty_ttl_s=settings.cache_empty_ttl,
        ),
    ),
    (
        "retry_enabled",
        RetryHandler,
        lambda settings, _: RetryHandler(settings.retry_max_attempts, settings.retry_base_delay),
    ),
    (
        "circuit_breaker_enabled",
        CircuitBreakerHandler,
        lambda settings, _: CircuitBreakerHandler(
            settings.circuit_breaker_failures, open_s=settings.circuit_breaker_open
        ),
    ),
    (
        "rate_limit_enabled",
        RateLimitHandler,
        lambda settings, state: RateLimitHandler(
            state,
            limits=settings.rate_limits,
            per=settings.rate_limit_per,
            max_wait_s=settings.rate_limit_max_wait,
            when_down=settings.rate_limit_when_down,
            workers=settings.workers,
        ),
    ),
    ("timeout_enabled", TimeoutHandler, lambda settings, _: TimeoutHandler(settings.timeout)),
)
"""The usual handlers, outermost first: the setting that switches each on, its class, and how it is made.

- Status and metrics stand outside and see every call, refused and cached ones too.
- Masking stands outside the cache: stored results stay whole, and what is told of them is masked.
- Permission comes before anything is looked up: no stored answer for the wrong role.
- Approval comes before a write is claimed or quota spent on what nobody agreed to.
- Writes are claimed under their key and reads looked up before anything is tried: both cost no token.
- The breaker stands inside the retry: a tool that is down is not hammered.
- The rate limit counts attempts, as the provider does, so it stands inside the retry.
- The time limit is for one attempt.
"""


class SalesToolkit(BaseToolkit):
    """The sales tools, governed. Stores are opened when the tools are first asked for.

    A call's failure is raised for a program; a model, whose calls carry an id, gets it as an error `ToolMessage`.

    It is a context manager, sync and async: at the end of the block it closes what it has opened.

    Args:
        settings: By default what the environment says.
        handlers: Instead of the usual ones; an empty list for none.
        state: Where handlers keep what outlives a call; by default in this process.
        embeddings: A LangChain `Embeddings` for the search of the knowledge base by meaning; by default MiniLM if
            `minilm_dir` is set, else a latent semantic space.
        retrievers: LangChain retrievers and vector stores as further variants of `knowledge_retriever`, by a word that
            becomes part of their tool's name.

    Attributes:
        settings: As given.
        handlers: Those around the tools, outermost first.
        state: Where they keep what outlives a call; `state.health` says whether it answers.
        selector: Chooses among the variants of a group; if `bandit_enabled` is off it only looks on. What it learns is
            shared with every worker that has the same `state` or Redis.

    Raises:
        ConfigurationError: A setting cannot be used, or names a tool that does not exist.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    settings: Settings
    handlers: tuple[ToolHandler, ...]
    selector: ToolSelector
    state: Any

    _health: ToolHealthChecker | None = PrivateAttr(default=None)
    _tools: list[BaseTool] | None = PrivateAttr(default=None)
    _groups: list[ToolGroup] = PrivateAttr(default_factory=list[ToolGroup])
    _opened: OpenTools | None = PrivateAttr(default=None)
    _own_redis: Any = PrivateAttr(default=None)
    _roles: Mapping[str, Sequence[str]] = PrivateAttr()
    _searched: dict[str, Any] = PrivateAttr()

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        handlers: Sequence[ToolHandler] | None = None,
        state: State | None = None,
        embeddings: Embeddings | None = None,
        retrievers: "Mapping[str, BaseRetriever | VectorStore] | None" = None,
    ) -> None:
        settings = settings or Settings()
        each = tool_by_tool(settings, retrievers or ())
        is_given, is_shared = state is not None, state is not None or settings.redis_url is not None
        state = state or state_of(settings)
        around = usual_handlers(each, state) if handlers is None else tuple(handlers)
        values: dict[str, Any] = {
            "settings": settings,
            "state": state,
            "handlers": around,
            "selector": _selector(settings, state if is_shared else None, around),
        }
        super().__init__(**values)
        self._own_redis = state if is_shared and not is_given else None
        self._roles = each.allowed_roles
        self._searched = {"embeddings": embeddings, "retrievers": retrievers}

    def get_tools(self) -> list[BaseTool]:
        """Return the tools, governed."""
        if self._tools is None:
            self._open()
        return list(self._tools or ())

    @property
    def groups(self) -> list[ToolGroup]:
        """Equal tools behind one name."""
        self.get_tools()
        return list(self._groups)

    @property
    def health(self) -> ToolHealthChecker:
        """Says how healthy the tools are, and the variants behind them. Asks nobody until it is asked."""
        if self._health is None:
            self._health = self._health_checker()
        return self._health

    @property
    def outbox(self) -> SmsOutbox:
        """Where texts wait to be sent; `adispatch_due` sends those that are due."""
        self.get_tools()
        assert self._opened is not None
        return self._opened.outbox

    def fan_out(self, tools: Sequence[BaseTool] | None = None, **options: Any) -> ToolFanOut:
        """Return the node that runs these tools and groups, bounded as the settings say.

        Variants of a group that `health` knows to be unhealthy are passed over.

        Args:
            tools: Instead of the toolkit's own, for example the same with one more handler around one of them.
            **options: Further arguments of `ToolFanOut`; they take precedence.
        """
        usual: dict[str, Any] = {
            "groups": self.groups,
            "selector": self.selector,
            "health": self.health,
            "metrics": _metrics_of(self.handlers),
            "max_concurrency": self.settings.parallel_max_concurrent,
            "parallel": self.settings.parallel_enabled,
        }
        return ToolFanOut(self.get_tools() if tools is None else tools, **{**usual, **options})

    def executor(self) -> ToolExecutor:
        """Return what runs these tools by name."""
        width = self.settings.parallel_max_concurrent if self.settings.parallel_enabled else 1
        return ToolExecutor(self.get_tools(), max_concurrent=width)

    def handler(self, kind: type[ToolHandler]) -> Any:
        """Return the handler of a class, None if there is none."""
        return _the(kind, self.handlers)

    def close(self) -> None:
        """Give back what was opened here: connections, files and a thread; a `state` that was given stays as it is.

        What was learnt last is told to the other workers. It may be done twice. Tools that were handed out open again
        what they need, if they can. Connections of an event loop that still runs are for `aclose`, in that loop.
        """
        with ExitStack() as ending:  # the last one in it is the first one out
            if self._own_redis is not None:
                ending.callback(self._own_redis.close)
            if self._opened is not None:
                ending.callback(self._opened.close)
            ending.callback(self.selector.close)
            if self._health is not None:
                ending.callback(self._health.close)

    async def aclose(self) -> None:
        """Do what `close` does without blocking the event loop, whose connections are given back too."""
        async with AsyncExitStack() as ending:
            if self._own_redis is not None:
                ending.push_async_callback(self._own_redis.aclose)
            if self._opened is not None:
                ending.push_async_callback(self._opened.aclose)
            ending.push_async_callback(asyncio.to_thread, self.selector.close)
            if self._health is not None:
                ending.callback(self._health.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.aclose()

    def _open(self) -> None:
        opened = self._opened = open_sales_tools(self.settings, **self._searched)
        self._groups = [
            ToolGroup(name, [self._governed(variant) for variant in variants])
            for name, variants in opened.variants.items()
        ]
        self._tools = [self._governed(tool) for tool in opened.tools]

    def _health_checker(self) -> ToolHealthChecker:
        status: StatusHandler | None = self.handler(StatusHandler)
        breaker: CircuitBreakerHandler | None = self.handler(CircuitBreakerHandler)
        store = StoreHealth(self.state)
        return ToolHealthChecker(
            self.get_tools(),
            self.settings.health_ttl,
            variants=[variant for group in self.groups for variant in group.variants],
            timeout_s=self.settings.health_timeout,
            feed=None if status is None else status.feed,
            circuit=None if breaker is None else breaker.state_of,
            store_probe=store.probe,
            fallback=store.fallback,
        )

    def _governed(self, tool: BaseTool) -> GovernedTool:
        governed = govern(tool, *self.handlers)
        roles = self._roles.get(tool.name)
        if roles is not None:
            governed = govern(tool, *self.handlers, spec=replace(governed.spec, allowed_roles=frozenset(roles)))
        governed.answers_model = True
        return governed


def _selector(settings: Settings, state: State | None, handlers: Sequence[ToolHandler]) -> ToolSelector:
    status = _the(StatusHandler, handlers)
    return selector_of(
        settings,
        state=state,
        metrics=_metrics_of(handlers),
        feed=None if status is None else status.feed,
    )


def _metrics_of(handlers: Sequence[ToolHandler]) -> ToolMetrics | None:
    handler: MetricsHandler | None = _the(MetricsHandler, handlers)
    return None if handler is None else handler.metrics


def _the(kind: type[ToolHandler], handlers: Sequence[ToolHandler]) -> Any:
    return next((handler for handler in handlers if isinstance(handler, kind)), None)


def usual_handlers(settings: Settings, state: State | None = None) -> tuple[ToolHandler, ...]:
    """Return the usual handlers that the settings leave switched on, outermost first."""
    shared = state or state_of(settings)
    return tuple(make(settings, shared) for name, _, make in USUAL_ORDER if getattr(settings, name))


def state_of(settings: Settings) -> State:
    """Return where the settings want state to be: in Redis if they name one, else in this process."""
    if settings.redis_url:
        from salesboost_tools.state.redis import RedisState  # noqa: PLC0415  (needs the extra `redis`)

        return RedisState(settings.redis_url)
    return MemoryState(
        max_cached=settings.cache_max_entries,
        least_recently_used_first=settings.cache_lru_enabled,
        count_reads=settings.cache_access_tracking,
    )
