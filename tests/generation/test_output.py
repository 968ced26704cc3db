"""The table of answers as a folder of files, what stands beside it, and who can read it."""

import json

import pytest

from tests.generation.killed import rows
from vs_core import ConfigurationError
from vs_core.generation import Run, generate, output
from vs_core.generation.rows import OURS
from vs_core.testing import SimulatedModel

pytest.importorskip("pyarrow")
TEMPLATE = "Name a thing for {n}."


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Seven rows a file: forty rows of which only some have a value, and one has a text more."""
    monkeypatch.setattr(output, "_BATCH", 7)
    monkeypatch.setattr(output, "_FILE", 14)
    table = [{"n": number, "note": "x" if number == 19 else None} for number in range(20)]
    summary = generate(
        table, prompt=TEMPLATE, model=SimulatedModel(), out=tmp_path / "answers", k=2, part=8
    )
    assert summary.rows == 40
    return tmp_path / "answers"


def in_order(numbers):
    return list(numbers) == [number for number in range(20) for _ in range(2)]


def test_a_folder_holds_files_of_the_same_types_and_nothing_else(folder):
    from pyarrow import parquet

    files = sorted(folder.iterdir())
    assert [path.name for path in files] == [f"part-0000{n}.parquet" for n in range(3)]
    assert [parquet.read_metadata(path).num_rows for path in files] == [14, 14, 12]
    assert len({str(parquet.read_schema(path)) for path in files}) == 1
    assert not list(folder.parent.glob("*.tmp"))


def test_pandas_reads_a_folder(folder):
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_parquet(folder)
    assert in_order(frame["n"])
    assert frame["note"].tolist()[-2:] == ["x", "x"]


def test_polars_reads_a_folder(folder):
    polars = pytest.importorskip("polars", reason="polars is not installed")
    for place in (folder, folder / "*.parquet"):
        assert in_order(polars.read_parquet(place)["n"])


def test_duckdb_reads_a_folder(folder):
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    found = duckdb.sql(f"SELECT n, text FROM '{folder}/*.parquet'").fetchall()
    assert in_order(n for n, _ in found)


def test_datasets_reads_a_folder(folder, tmp_path):
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    cache = str(tmp_path / "cache")
    found = datasets.load_dataset(
        "parquet", data_files=f"{folder}/*.parquet", split="train", cache_dir=cache
    )
    assert in_order(found["n"])
    whole = datasets.load_dataset(str(folder), split="train", cache_dir=cache)
    assert in_order(whole["n"])


def test_the_readme_says_how_it_was_made(folder):
    text = (folder.parent / "answers.README.md").read_text()
    assert "40 answers of `SimulatedModel" in text
    assert "to 20 prompts." in text
    settings = json.loads(text.split("```json\n")[1].split("```")[0])
    assert (settings["asked"]["prompt"], settings["asked"]["k"]) == (TEMPLATE, 2)
    assert "answers/*.parquet" in text
    assert all(f"- `{name}`" in text for name in OURS)


@pytest.mark.parametrize(
    ("name", "read"),
    [("o.jsonl", "It is JSONL, in UTF-8."), ("o.parquet", 'pandas.read_parquet("o.parquet")')],
)
def test_the_readme_says_how_it_is_read_and_what_could_not_be(tmp_path, name, read):
    def model(request):
        return "No." if "for 1." in str(request.messages) else '[{"text": "a", "probability": 1}]'

    out = tmp_path / name
    generate(rows(3), prompt=TEMPLATE, model=model, out=out, k=1, retries=0)
    text = (tmp_path / f"{name}.README.md").read_text()
    assert text.startswith(f"# {name}\n")
    assert "2 answers of `model` to 3 prompts, 1 of which gave nothing that could be read." in text
    assert "Prompts: the rows of `list`." in text
    assert read in text
    kept = json.loads((tmp_path / f"{name}.run" / "run.json").read_text())
    ended = json.loads((tmp_path / f"{name}.run" / "summary.json").read_text())["ended"]
    versions = ", ".join(f"{package} {number}" for package, number in kept["versions"].items())
    assert f"Made with {versions}, from {kept['begun']} to {ended}." in text


def test_a_folder_is_written_anew_and_that_of_others_is_left_alone(folder, tmp_path):
    options = {"prompt": TEMPLATE, "model": SimulatedModel(), "k": 2, "part": 8}
    assert generate(rows(3), out=folder, fresh=True, **options).rows == 6
    assert len(list(folder.iterdir())) == 1
    other = tmp_path / "mine"
    other.mkdir()
    (other / "thesis.txt").write_text("!")
    for out in (other, tmp_path / "a.xlsx"):
        with pytest.raises(ConfigurationError, match=r"other files|must end in"):
            Run(rows(3), out=out, **options)
    assert (other / "thesis.txt").read_text() == "!"
