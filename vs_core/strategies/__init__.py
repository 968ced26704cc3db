"""Strategies: the ways of asking, one file each. Each is a flow that does no I/O."""

from __future__ import annotations

from vs_core.strategies.base import Flow, Strategy, strategy_of
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
    "strategy_of",
]
