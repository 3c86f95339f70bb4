"""Lists every requirement, how its text says it is verified, and the tests that do so.

The requirements are the table rows of `docs/requirements.md` that have the columns ID, Class and Verify; the tests are
found by their mark, `@pytest.mark.req("3-1-A-iv")`, without importing them.
"""

import ast
import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "docs" / "requirements.md"
MOST_IDS_ON_A_TEST = 2
WANTED_COLUMNS = {"ID", "Class", "Verify"}
CELL_BORDER = re.compile(r"(?<!\\)\|")


@dataclass
class Requirement:
    id: str
    kind: str
    verify: str
    tests: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class MarkedTest:
    name: str
    ids: tuple[str, ...]


def main(arguments: Sequence[str]) -> int:
    """Print the table, or JSON with `--json`; 1 if a mark names no requirement or a test claims too many."""
    requirements = {row.id: row for row in read_requirements(REQUIREMENTS.read_text(encoding="utf-8"))}
    tests = [test for path in sorted((ROOT / "tests").rglob("test_*.py")) for test in marked_tests(path)]
    wrong = list(assign(tests, requirements))
    if "--json" in arguments:
        print(json.dumps([asdict(row) for row in requirements.values()], ensure_ascii=False, indent=1))
    else:
        print_table(requirements)
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


def read_requirements(text: str) -> Iterator[Requirement]:
    """Yield the rows of every table that has the wanted columns."""
    columns: list[str] = []
    for line in text.splitlines():
        if not line.startswith("|"):
            columns = []
            continue
        cells = [cell.strip().replace(r"\|", "|") for cell in CELL_BORDER.split(line.strip()[1:-1])]
        if not columns:
            columns = cells
        elif set(columns) >= WANTED_COLUMNS and not set(cells[0]) <= set("-: "):
            row = dict(zip(columns, cells, strict=True))
            yield Requirement(row["ID"], row["Class"], row["Verify"])


def marked_tests(path: Path) -> Iterator[MarkedTest]:
    """Yield the tests of a file that carry a requirement's mark, on themselves or on their class."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    where = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            for test in node.body:
                yield from _marked(test, f"{where}::{node.name}", marks_of(node))
        yield from _marked(node, str(where), ())


def _marked(node: ast.stmt, where: str, from_class: tuple[str, ...]) -> Iterator[MarkedTest]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
        ids = from_class + marks_of(node)
        if ids:
            yield MarkedTest(f"{where}::{node.name}", ids)


def marks_of(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> tuple[str, ...]:
    """Return the IDs of `@pytest.mark.req(…)` above a test or class."""
    return tuple(
        str(ast.literal_eval(argument))
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.req"
        for argument in decorator.args
    )


def assign(tests: Sequence[MarkedTest], requirements: dict[str, Requirement]) -> Iterator[str]:
    """Write each test beside its requirements; yield a line for each mark that is wrong."""
    for test in tests:
        if len(test.ids) > MOST_IDS_ON_A_TEST:
            yield f"{test.name}: claims {len(test.ids)} requirements; at most {MOST_IDS_ON_A_TEST}"
        for name in test.ids:
            if name in requirements:
                requirements[name].tests.append(test.name)
            else:
                yield f"{test.name}: {name} is no requirement of {REQUIREMENTS.name}"


def print_table(requirements: dict[str, Requirement]) -> None:
    for row in requirements.values():
        print(f"{row.id}  [{row.kind}]  {row.verify}")
        for test in row.tests or ["— no test yet"]:
            print(f"    {test}")
    shown = sum(bool(row.tests) for row in requirements.values())
    print(f"\n{shown} of {len(requirements)} requirements have a test.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
