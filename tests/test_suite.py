import pytest

from suite import MOST_SURVIVORS, judge_survivors


@pytest.mark.parametrize(("survivors", "code"), [(0, 0), (MOST_SURVIVORS, 0), (MOST_SURVIVORS + 1, 1)])
def test_the_check_fails_when_more_changes_go_unnoticed_than_are_allowed(
    survivors: int, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert judge_survivors(survivors) == code
    said = capsys.readouterr().out
    assert f"no test found {survivors} changes of the core" in said
    assert ("Write a test" in said) == bool(code)
