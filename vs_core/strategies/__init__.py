"""Strategies: the ways of asking, one file each. Each is a flow that does no I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from vs_core.hookspecs import hookimpl
from vs_core.strategies.base import Flow, Strategy
from vs_core.strategies.cot import CoT
from vs_core.strategies.direct import Direct
from vs_core.strategies.multi_turn import MultiTurn
from vs_core.strategies.sequence import SequenceList
from vs_core.strategies.vs_cot import VSCoT
from vs_core.strategies.vs_multi import VSMulti
from vs_core.strategies.vs_standard import VSStandard

__all__ = [
    "CoT",
    "Direct",
    "Flow",
    "MultiTurn",
    "SequenceList",
    "Strategy",
    "VSCoT",
    "VSMulti",
    "VSStandard",
]


@hookimpl
def vs_strategies() -> Mapping[str, Callable[..., Strategy]]:
    """Register the strategies above."""
    built_in = (Direct, CoT, SequenceList, MultiTurn, VSStandard, VSCoT, VSMulti)
    return {strategy.name: strategy for strategy in built_in}
