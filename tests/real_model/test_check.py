"""``vs check`` of a real model that cannot do it: it is told so, and what it can do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.real_model.server import MODEL
from vs_core.checking import check, record, recorded
from vs_core.clients import OpenAIModel
from vs_core.profiles import Profile

pytestmark = pytest.mark.timeout(300)


def test_a_schema_brings_the_form_and_words_alone_do_not(server: Any, tmp_path: Path) -> None:
    model = OpenAIModel(MODEL, base_url=server.base_url, max_tokens=300, temperature=0.4, seed=7)
    found = check(model)
    assert found.verdict == "no"
    assert (found.structured, found.streaming, found.usage) == ("enforced", "in pieces", "there")
    assert not found.in_words
    if found.by_schema:
        assert found.parameters == {"structured": True}
        assert any("Only a schema" in remark for remark in found.remarks)
    profile = Profile.load(found.profile().save(tmp_path / "small.toml"))
    assert profile.model == MODEL
    assert not profile.simulated
    assert len(list(recorded(record(found, tmp_path / "small.jsonl")))) == found.calls
