"""What the errors of Redis mean: whether they pass by themselves, and what to tell the user.

redis-py drops the code that an answer begins with, if it has a class for it, and puts the command before it in
pipelines; Redis 6.2 puts the name of the script before it. So answers are known by any part of them that stays.
"""

import re
from typing import NamedTuple

from redis.exceptions import AuthenticationError, NoPermissionError, RedisError, ResponseError


class Condition(NamedTuple):
    """What keeps a Redis that answers from doing what it is asked."""

    #: How the text of an answer begins.
    answers: tuple[str, ...]
    #: The two parts of a sentence, after its subject: which Redis. ``{cause}`` stands for the answer.
    problem: str
    remedy: str


#: A call may be repeated until they are over.
_PASSING = (
    Condition(
        ("OOM", "command not allowed when used memory"),
        "has no memory for anything new (maxmemory)",
        "give it more, and see that its maxmemory-policy is noeviction",
    ),
    Condition(
        ("READONLY", "You can't write against a read only"),
        "is a read-only replica, on which nothing can be changed",
        "set REDIS_URL to the server that it follows",
    ),
    Condition(
        ("MISCONF",),
        "cannot write to its disk ({cause})",
        "make room there, or see its own log",
    ),
    Condition(
        ("LOADING", "Redis is loading the dataset", "Valkey is loading the dataset"),
        "is still loading its data",
        "wait until it has",
    ),
    Condition(
        ("MASTERDOWN", "Link with MASTER is down"),
        "is a replica that has lost the server that it follows, and answers nothing without it",
        "start that server, or set REDIS_URL to one that runs",
    ),
    Condition(
        ("NOREPLICAS", "Not enough good replicas"),
        "takes nothing new while it has too few replicas (min-replicas-to-write)",
        "start them",
    ),
    Condition(
        ("BUSY ", "UNBLOCKED"),
        "is busy with something else ({cause})",
        "wait until it is done, and see its own log",
    ),
    Condition(
        # The latter is redis-py's word for a server that says something before it is asked.
        ("max number of clients reached", "Connection not ready"),
        "has as many clients as it takes (maxclients), or is no Redis",
        "raise that limit, end some of them, or correct the address in REDIS_URL",
    ),
)
_FORBIDDEN = (
    # Of scripts; the others have a class.
    "ACL failure in script: ",
    "The user executing the script can't",
)
_LONGEST_CAUSE = 200
#: What names the script in an answer: before it in Redis 6.2, and behind it since then.
_SCRIPT = re.compile(
    r"^Error running script \(call to \w+\): (@user_script: ?\d+: )*-?| script: .*on @user_script: ?\d+\.?$"
)


def is_passing(error: RedisError) -> bool:
    """Whether the call that failed may be repeated: Redis is away, or does not do for now what it is asked."""
    return not isinstance(error, ResponseError) or condition_of(error) is not None


def condition_of(error: RedisError) -> Condition | None:
    """The condition that an answer tells of; None if Redis is away, or if it does not pass by itself."""
    text = _answer_in(error)
    return next((condition for condition in _PASSING if text.startswith(condition.answers)), None)


def is_forbidden(error: RedisError) -> bool:
    """Whether the user that Redis knows this process as lacks a permission."""
    return isinstance(error, NoPermissionError) or _answer_in(error).startswith(_FORBIDDEN)


def sentence_about(error: RedisError, redis: str = "Redis", user: str = "") -> str:
    """What happened, and the remedy. ``redis`` says which one, and ``user`` whom it knows this process as."""
    cause = cause_of(error)
    if condition := condition_of(error):
        return f"{redis} {condition.problem.format(cause=cause)}: {condition.remedy}."
    match error:
        case ResponseError() if is_forbidden(error):
            who = f"its user {user}" if user else "its user"
            return (
                f"{redis} does not let {who} do what is needed ({cause}): give it the permissions that "
                "docs/security.md lists."
            )
        case AuthenticationError():
            return (
                f"{redis} refuses the password or the lack of one ({cause}): set "
                "REDIS_URL=redis://:PASSWORD@HOST:PORT/0."
            )
        case ResponseError():
            return f"{redis} refuses what it is asked ({cause}); see its own log."
    return f"{redis} does not answer any more ({cause}); run the command again."


def cause_of(error: RedisError) -> str:
    """The answer, or what kept it from coming, as a part of a sentence."""
    text = _answer_in(error)
    if isinstance(error, ResponseError):
        # The rest is advice for those who run it.
        text = re.sub("^(BUSY|MISCONF|UNBLOCKED) ", "", text.partition(". ")[0])
    text = text.rstrip(".")
    return text if len(text) <= _LONGEST_CAUSE else f"{text[: _LONGEST_CAUSE - 1]}…"


def _answer_in(error: RedisError) -> str:
    """The answer itself, without the command that it is to, which may quote anything, and without the script."""
    text = str(error).rpartition(" of pipeline caused error: ")[2]
    return _SCRIPT.sub("", text)
