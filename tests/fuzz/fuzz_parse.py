"""Coverage-guided fuzzing of the parsers: nothing but VSError may come out.

Run: pip install atheris; python tests/fuzz/fuzz_parse.py -max_total_time=1800 -max_len=4096 CORPUS

CORPUS is a directory, which the answers of the test corpus are written to first. It checks too that
what comes out can be weighed and serialised, and that a stream ends as the whole does.
"""

import pkgutil
import sys
from importlib import import_module
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["vs_core"]):
    import vs_core.formats
    from vs_core import ParseError, StreamParser, VSError, parse

    for module in pkgutil.iter_modules(vs_core.formats.__path__):  # they load as they are needed
        import_module(f"vs_core.formats.{module.name}")

DEFINITIONS = ("explicit", "percentage", "nll", "perplexity")


def fuzz(data: bytes) -> None:
    provider = atheris.FuzzedDataProvider(data)
    definition = DEFINITIONS[provider.ConsumeIntInRange(0, 3)]
    size = provider.ConsumeIntInRange(1, 64)
    text = provider.ConsumeUnicode(provider.remaining_bytes())
    stream = StreamParser(probability=definition)
    try:
        for at in range(0, len(text), size):
            stream.feed(text[at : at + size])
        expected = parse(text, probability=definition)
    except VSError:
        try:
            stream.close()
        except ParseError:
            return
        raise AssertionError("the stream found a distribution, the whole did not") from None
    assert stream.close() == expected
    try:
        assert parse(text, probability=definition, strict=True) == expected
    except ParseError:
        assert expected.repairs  # what is refused was repaired
    assert abs(sum(expected.weights) - 1) < 1e-9
    expected.model_dump_json()


def main() -> None:
    root = Path(__file__).parent.parent.parent
    sys.path.insert(0, str(root))
    from tests.corpus import CASES, NOTHING

    directory = Path(sys.argv[-1])
    directory.mkdir(parents=True, exist_ok=True)
    for number, text in enumerate([*(case[2] for case in CASES), *NOTHING.values()]):
        (directory / f"corpus-{number}").write_bytes(b"\x00\x10" + text.encode())
    atheris.Setup(sys.argv, fuzz)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
