"""The page of supported versions says what the metadata says."""

import re

from tests.versions import PYTHONS, ROOT, SUITES, project, requirements

PAGE = (ROOT / "docs" / "versions.md").read_text()
TABLE = project()


def test_the_page_has_every_requirement_of_every_extra():
    rows = dict(re.findall(r"^\| ([\w()-]+) \| (`.*`) \|$", PAGE, re.MULTILINE))
    wanted = {"(none)": TABLE["dependencies"], **TABLE["optional-dependencies"]}
    for name in ("all", "dev", "docs"):
        del wanted[name]
    assert rows == {
        name: ", ".join(f"`{requirement}`" for requirement in listed)
        for name, listed in wanted.items()
    }


def test_every_extra_has_tests_of_its_own_and_is_in_the_workflow():
    workflow = (ROOT / ".github" / "workflows" / "tests.yml").read_text()
    extras = {"none", *TABLE["optional-dependencies"]} - {"all", "dev", "docs"}
    assert extras == set(SUITES)
    (listed,) = re.findall(r"extra: \[(.*)\]", workflow)
    assert set(listed.split(", ")) == extras
    for python in PYTHONS:
        assert f'"{python}"' in workflow
        assert f"Programming Language :: Python :: {python}" in TABLE["classifiers"]


def test_tests_that_are_named_exist():
    for suite in SUITES.values():
        assert all((ROOT / "tests" / path).exists() for path in suite.tests)
        assert set(suite.needs) <= requirements().keys()
