import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

REQUIREMENTS = """
| ID | Class | Requirement | Product answer | Verify |
|---|---|---|---|---|
| 3-1-A | SW | Book by web. | The web. | Unknown \\| wrong number → no row |
| 3-1-B | ORG | Train staff. | A pack. | Read it |

| Figure | Value |
|---|---|
| 3-9-Z | 7 |
"""


@pytest.fixture
def trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """tests/trace.py on a repository of its own."""
    spec = importlib.util.spec_from_file_location("trace", Path(__file__).with_name("trace.py"))
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(__import__("sys").modules, "trace", module)
    spec.loader.exec_module(module)
    (tmp_path / "tests").mkdir()
    module.ROOT = tmp_path  # type: ignore[attr-defined]
    module.REQUIREMENTS = tmp_path / "requirements.md"  # type: ignore[attr-defined]
    module.REQUIREMENTS.write_text(REQUIREMENTS)
    return module


def write_test(trace: ModuleType, marks: str) -> None:
    text = f"import pytest\n\n\n@pytest.mark.req({marks})\ndef test_it() -> None: ...\n"
    (trace.ROOT / "tests" / "test_one.py").write_text(text)


def test_each_requirement_stands_beside_its_tests(trace: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    write_test(trace, '"3-1-A"')
    assert trace.main(["--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [
        {
            "id": "3-1-A",
            "kind": "SW",
            "verify": "Unknown | wrong number → no row",
            "tests": ["tests/test_one.py::test_it"],
        },
        {"id": "3-1-B", "kind": "ORG", "verify": "Read it", "tests": []},
    ]


def test_the_list_for_people_names_what_has_no_test(trace: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    write_test(trace, '"3-1-A"')
    assert trace.main([]) == 0
    shown = capsys.readouterr().out
    assert "3-1-B  [ORG]  Read it\n    — no test yet" in shown
    assert shown.endswith("1 of 2 requirements have a test.\n")


def test_a_mark_for_no_requirement_is_an_error(trace: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    write_test(trace, '"3-9-Z"')
    assert trace.main([]) == 1
    assert "tests/test_one.py::test_it: 3-9-Z is no requirement" in capsys.readouterr().err


def test_a_test_may_not_claim_more_than_two(trace: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    write_test(trace, '"3-1-A", "3-1-B", "3-1-A"')
    assert trace.main([]) == 1
    assert "claims 3 requirements; at most 2" in capsys.readouterr().err


def test_a_mark_on_a_class_counts_for_its_tests(trace: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    text = "@pytest.mark.req('3-1-B')\nclass TestIt:\n    def test_it(self) -> None: ...\n"
    (trace.ROOT / "tests" / "test_two.py").write_text(text)
    assert trace.main(["--json"]) == 0
    assert json.loads(capsys.readouterr().out)[1]["tests"] == ["tests/test_two.py::TestIt::test_it"]
