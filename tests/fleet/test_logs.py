from pathlib import Path

from podcrawler.fleet.children import EARLIER_LOGS, rotate
from tests.conftest import Commands
from tests.origin import RunningOrigin


def test_the_logs_of_the_last_runs_are_kept(tmp_path: Path) -> None:
    log = tmp_path / "episodes.log"
    rotate(log)
    assert list(tmp_path.iterdir()) == []
    for run in range(EARLIER_LOGS + 3):
        rotate(log)
        log.write_text(f"run {run}")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "episodes.log": f"run {EARLIER_LOGS + 2}",
        **{f"episodes.log.{back}": f"run {EARLIER_LOGS + 2 - back}" for back in range(1, EARLIER_LOGS + 1)},
    }


def test_an_archive_leaves_the_logs_of_the_run_before(commands: Commands, origin: RunningOrigin) -> None:
    for size in (1111, 2222):
        address = f"{origin.address}/feed.xml?episodes=1&size={size}&title={size}"
        assert commands.run("archive", address).status == 0
    logs = commands.archive / ".podcrawler" / "logs"
    assert {path.name for path in logs.iterdir()} == {
        f"{spider}.log{back}" for spider in ("episodes", "podcasts") for back in ("", ".1")
    }
    assert f"{origin.address}/feed.xml" in (logs / "podcasts.log").read_text() + (logs / "podcasts.log.1").read_text()
    assert "2222" in (logs / "episodes.log").read_text()
    assert "1111" in (logs / "episodes.log.1").read_text()
