"""The sample that ships with podcrawler: it can be served, and its audio can be played."""

import io
import signal
import socket
import subprocess
import sys
import wave
from pathlib import Path
from urllib.request import urlopen

import pytest

from sample.audio import melody
from sample.site import answer


def test_it_serves_pages_and_audio_until_it_is_stopped() -> None:
    with subprocess.Popen([sys.executable, "-m", "sample", "serve"], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        with urlopen(f"{address}podcast/item_epi.php?pid=287&eid=20001", timeout=10) as page:
            assert "燈塔" in page.read().decode()
            assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        with urlopen(f"{address}feed.xml", timeout=10) as feed:
            assert f'url="{address}audio/rain-4.wav"' in feed.read().decode()
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=10) == 0


@pytest.mark.slow
def test_it_is_archived_once_however_often_it_is_run(tmp_path: Path) -> None:
    """At a port that stays free between the runs, as that of ``make run``."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "sample", "archive", "--port", str(port), str(tmp_path / "archive")]
    first, again = (subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(2))
    assert f"http://127.0.0.1:{port}/feed.xml" in first.stdout
    assert "9 finished" in first.stdout
    assert "all 9 episodes are already there" in again.stdout
    assert len(list(tmp_path.glob("archive/*/*.wav"))) == 9


def test_each_episode_has_its_own_melody_and_always_the_same() -> None:
    bodies = []
    for name in ("rain-1", "rain-2", "rain-1"):
        bodies.append(answer(f"http://s.example/audio/{name}.wav").body)
        melody.cache_clear()
    assert bodies[0] == bodies[2] != bodies[1]
    for body in bodies:
        with wave.open(io.BytesIO(body)) as file:
            assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
            assert 1 <= file.getnframes() / file.getframerate() <= 3


def test_what_it_does_not_have_is_not_found() -> None:
    for path in ("", "podcast/item_all.php?pid=1", "../site.py", "audio/", "podcast/item_all.php?pid=../287"):
        assert answer(f"http://s.example/{path}").status == (404 if path else 200)
