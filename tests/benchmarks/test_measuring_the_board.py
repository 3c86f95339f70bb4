import json
import subprocess
import sys

import pytest

from benchmarks import board

TINY = board.Size(
    operators=6, talking=4, waiting=3, calls=12, days_before=1, boards=3, seconds=0.5, warm_up=0.5, hurry=20
)


pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    return board.measure(TINY, tmp_path_factory.mktemp("bench") / "run")


def test_boards_have_a_target_and_desks_stand_beside_them(figures: dict[str, object]) -> None:
    costs = figures["costs"]
    assert isinstance(costs, list)
    assert [(each["name"], each["target"]) for each in costs] == [("3 boards", 0.10), ("6 desks", None)]
    for each in costs:
        assert each["holds"] == (each["target"] is None or each["share_of_a_core"] < each["target"])


def test_every_question_was_answered_with_a_part_or_as_known(figures: dict[str, object]) -> None:
    costs = figures["costs"]
    assert isinstance(costs, list)
    for each, understood in zip(costs, ({"200", "304"}, {"200", "204", "304"}), strict=True):
        assert each["asked"] == sum(each["answers"].values()) > 0
        assert set(each["answers"]) <= understood


def test_processor_time_is_that_of_the_whole_tree_those_that_ended_included() -> None:
    busy = "n = 0\nwhile time.process_time() < 0.2: n += 1\n"
    parent = f"import subprocess, sys, time\nsubprocess.run([sys.executable, '-c', 'import time\\n' + {busy!r}])\n"
    waits = "print(flush=True)\nsys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", parent + waits], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        process.stdout.readline()
        assert board.processor_seconds(process.pid) >= 0.15
        process.communicate()


def test_the_figures_are_json(figures: dict[str, object], capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(json.dumps(figures)) == figures
    board.show(figures)
    assert "6 operators, 4 on a call, 3 waiting" in capsys.readouterr().out
