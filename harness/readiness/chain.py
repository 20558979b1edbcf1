"""How many thread switches a project's middleware make of one ASGI request, as Django will adapt them. Pure.

Django builds the chain from the inside (`BaseHandler.load_middleware`): a middleware stays async if it can be and all inside of
it is; from the innermost that cannot outwards, what can be sync runs in one thread. So it is the order that decides, and
a list of sync-only middleware says little: each `process_request` and `process_response` of a `MiddlewareMixin` that stays async
is a switch of its own, and so is each sync `process_view`, wherever it stands.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Facts = Mapping[str, Any]
"""Of one middleware, as djbench_injected.describe tells them."""


@dataclass(frozen=True)
class Link:
    """One middleware in its chain."""

    path: str
    mode: Literal["async", "sync", "unused"]
    switches: int  # that it makes itself
    hooks: Sequence[str]  # for which
    sync_only: bool
    bridge: bool = False  # it is async and the next one outside of it is not: a way back to the event loop, per request


@dataclass(frozen=True)
class Chain:
    """All of them, the outermost first."""

    links: Sequence[Link]
    entry: int  # 1 if the outermost is sync: the switch into its thread
    templates: int  # more, for a response that is rendered after its view

    @property
    def switches(self) -> int:
        """Of a request that passes all of them."""
        return self.entry + sum(link.switches for link in self.links)

    @property
    def bridges(self) -> int:
        """Ways back from a thread to the event loop."""
        return sum(link.bridge for link in self.links)


@dataclass(frozen=True)
class WhatIf:
    """Another order, and what it would make."""

    moved: str  # the middleware that stands last, the innermost place
    switches: int

    def order(self, middleware: Sequence[Facts]) -> list[str]:
        """All paths in this order."""
        return [one["path"] for one in _moved(middleware, self.moved)]


def walk(middleware: Sequence[Facts]) -> Chain:
    """The chain of an ASGI request, from the inside out."""
    links, inside_is_async = [], True
    for one in reversed(middleware):
        if not one["used"]:
            links.append(Link(one["path"], "unused", 0, (), not one["async_capable"]))
            continue
        is_async = False if not inside_is_async and one["sync_capable"] else one["async_capable"]
        hooks = [*(one["hooks"] if is_async else ()), *one["views"]]
        mode: Literal["async", "sync"] = "async" if is_async else "sync"
        bridge = inside_is_async and not is_async
        links.append(Link(one["path"], mode, len(hooks), hooks, not one["async_capable"], bridge))
        inside_is_async = is_async
    templates = sum(bool(one["used"] and one["templates"]) for one in middleware)
    return Chain(links[::-1], int(not inside_is_async), templates)


def what_ifs(middleware: Sequence[Facts]) -> list[WhatIf]:
    """Orders that need fewer switches, the best first: a sync-only middleware moved last. One is enough: what stands outside of
    it runs in its thread, other sync-only middleware too."""
    now = walk(middleware).switches
    sync_only = [one["path"] for one in middleware if one["used"] and not one["async_capable"]]
    found = [WhatIf(path, walk(_moved(middleware, path)).switches) for path in sync_only]
    return sorted((one for one in found if one.switches < now), key=lambda one: one.switches)


def _moved(middleware: Sequence[Facts], last: str) -> list[Facts]:
    return sorted(middleware, key=lambda one: one["path"] == last)  # stable
