"""What hooks tell: a command, or an address. Each tells of one event, and raises HookError if that did not work."""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import signal
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp

from podcrawler.exceptions import PodcrawlerError
from podcrawler.logins import masked, without_login

#: Characters of what a command printed that are told, and of a fact in the environment, which has little room.
_PRINTED, _LONGEST = 300, 10_000
#: Tries of a request, and seconds before the second one; four times as long before each further one.
_TRIES, _PAUSE = 4, 1.0
#: Standard Webhooks (https://www.standardwebhooks.com): a secret with this prefix is base64.
_BASE64 = "whsec_"

Facts = Mapping[str, Any]


class HookError(PodcrawlerError):
    """A hook did not do what it was asked for; its text is a sentence without a full stop."""


class Command:
    """A command: facts are in its environment (``HOOK_TITLE``), and as a JSON object on its standard input."""

    def __init__(self, words: Sequence[str], seconds: float) -> None:
        """It is killed, with what it has started, after so many ``seconds``."""
        self._words = words
        self._seconds = seconds

    async def tell(self, facts: Facts) -> None:
        environment = {**os.environ, **{f"HOOK_{name.upper()}": _plain(value) for name, value in facts.items()}}
        name = Path(self._words[0]).name
        try:
            process = await asyncio.create_subprocess_exec(
                *self._words,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                env=environment,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise HookError(f"{name} cannot be started ({getattr(error, 'strerror', None) or error})") from None
        try:
            async with asyncio.timeout(self._seconds):
                _, printed = await process.communicate(_json(facts))
        except TimeoutError:
            raise HookError(f"{name} did not end within {self._seconds:g} s, and was killed") from None
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        if process.returncode:
            said = " ".join(printed.decode(errors="replace").split())[-_PRINTED:]
            raise HookError(f"{name} ended with status {process.returncode}{said and f': {masked(said)}'}")


class Webhook:
    """An address that gets the facts as JSON by POST, signed with a secret if there is one (Standard Webhooks)."""

    def __init__(self, url: str, secret: str, seconds: float) -> None:
        """Each request may take so many ``seconds``."""
        self._url, self._key = url, _key(secret)
        self._timeout = aiohttp.ClientTimeout(total=seconds)

    async def tell(self, facts: Facts) -> None:
        body, name = _json(facts), f"msg_{uuid.uuid4().hex}"
        async with aiohttp.ClientSession(timeout=self._timeout, trust_env=True) as session:
            for number in range(_TRIES):
                if number:
                    await asyncio.sleep(_PAUSE * 4 ** (number - 1))
                problem = await self._send(session, name, body)
                if problem is None:
                    return
        raise HookError(f"{without_login(self._url).partition('?')[0]} {problem}")

    async def _send(self, session: aiohttp.ClientSession, name: str, body: bytes) -> str | None:
        """Why the request was not taken; None if it was."""
        # The same id at each try, so that the receiver can tell.
        headers = {"Content-Type": "application/json", "webhook-id": name, "webhook-timestamp": f"{time.time():.0f}"}
        if self._key:
            signed = f"{name}.{headers['webhook-timestamp']}.".encode() + body
            digest = base64.b64encode(hmac.digest(self._key, signed, hashlib.sha256)).decode()
            headers["webhook-signature"] = f"v1,{digest}"
        try:
            async with session.post(self._url, data=body, headers=headers, allow_redirects=False) as answer:
                return None if 200 <= answer.status < 300 else f"answered with status {answer.status}"
        except TimeoutError:
            return f"did not answer within {self._timeout.total:g} s"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return f"cannot be reached ({masked(str(error))})"


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(_BASE64)) if secret.startswith(_BASE64) else secret.encode()


def _json(facts: Facts) -> bytes:
    return json.dumps(facts, ensure_ascii=False).encode(errors="replace") + b"\n"


def _plain(value: Any) -> str:
    """A fact as a variable of the environment has it: without NUL, which would end it."""
    text = "" if value is None else str(value)
    return text.replace("\0", "")[:_LONGEST].encode(errors="replace").decode()
