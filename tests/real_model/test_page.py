"""docs/real_model.md, on the real model: its snippets run there as they stand."""

from pathlib import Path

import pytest

from tests.test_docs import snippets

PAGE = Path(__file__).parents[2] / "docs" / "real_model.md"


@pytest.mark.timeout(300)
def test_the_page_works_with_the_real_model(server, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    before = server.tokens()
    namespace: dict[str, object] = {"__name__": "page"}
    for line, code in snippets(PAGE):
        exec(compile("\n" * line + code, str(PAGE), "exec"), namespace)
    assert server.tokens() > before
    assert capsys.readouterr().out.strip()
