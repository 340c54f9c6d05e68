"""Random sequences of what several nodes may do with a few entries, against the states of docs/queue-concepts.md."""

from collections import Counter
from collections.abc import Callable
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from podcrawler.exceptions import EntryError
from podcrawler.hosts import Host
from podcrawler.queue import acks
from podcrawler.queue.acks import Ack
from podcrawler.queue.host_limits import HostLimits
from podcrawler.queue.keys import Keys
from podcrawler.queue.leases import Entry, Lease
from podcrawler.queue.records import Records
from tests.builders import NOW, episode, make_broker, page
from tests.conftest import Client

#: Half a minute for each server.
pytestmark = pytest.mark.slow

State = Literal["pending", "leased", "delayed", "failed", "finished"]
ROOT = "http://x/1"
HOSTS = ["host0", "host1", "example.com", "cdn.host1", ""]
#: How many connections each gets; it rests for a delay where that is 1.
CONNECTIONS = {"host0": 2, "host1": 1, "example.com": 2, "cdn.host1": 1}
LIMITS = HostLimits(2, {"host1": Host(connections=1, delay=5)})
ENDS = ["finish", "fail", "retry", "busy", "uncounted", "release"]
PREFIX = "{podcrawler}:episodes:"
FINISHED = "{podcrawler}:finished:show"
#: From which state an entry may come into which, between two looks; None is to be unknown.
MOVES: set[tuple[State | None, State | None]] = {
    (None, "pending"),
    (None, "leased"),  # a seed
    (None, "finished"),  # recorded
    ("pending", "leased"),
    ("pending", "finished"),  # recorded
    ("leased", "pending"),
    ("leased", "delayed"),
    ("leased", "failed"),
    ("leased", "finished"),
    ("delayed", "pending"),
    ("delayed", "leased"),
    ("delayed", "finished"),  # recorded
    ("failed", "pending"),
    ("failed", "leased"),  # a seed that was given again
    ("failed", "finished"),  # recorded
}
#: Of list pages, which are finished for one visit, and of seeds, which are not recorded.
MOVES_OF_PAGES: set[tuple[State | None, State | None]] = {*MOVES, ("finished", None), ("finished", "pending")}
MOVES_OF_SEEDS: set[tuple[State | None, State | None]] = {*MOVES, ("leased", None)}


def machine_of(redis: Client) -> type[RuleBasedStateMachine]:
    """Any node may do any of this: nodes differ only by the tokens that they hold."""

    class Walk(RuleBasedStateMachine):
        leases: Bundle[Lease] = Bundle("leases")
        #: Tokens of calls whose answer did not arrive.
        unanswered: Bundle[list[str]] = Bundle("unanswered")
        #: Acks that were sent once, and may reach Redis once more, at any time.
        sent: Bundle[Ack[Any]] = Bundle("sent")

        @initialize()
        def begin(self) -> None:
            redis.flushall()
            self.queue = make_broker(redis, host_limits=LIMITS)
            self.redis = redis
            self.now = NOW
            self.states: dict[str, State] = {}
            self.sizes: dict[bytes, bytes] = {}
            #: The episodes that are not wanted.
            self.forgotten: set[bytes] = set()
            # So that there is something to lease from the first step on.
            for number in range(3):
                self._push(episode(number, host=f"host{number % 2}"))
            self._push(page(ROOT))
            self.push_seed("http://x/4")

        @rule(number=st.integers(0, 4), payload=st.sampled_from(["a", "b"]), priority=st.integers(-1, 1))
        def push_episode(self, number: int, payload: str, priority: int) -> None:
            self._push(episode(number, payload=payload, host=f"host{number % 2}", priority=priority))

        @rule(address=st.sampled_from([ROOT, "http://x/2", "http://x/3"]))
        def push_page(self, address: str) -> None:
            self._push(page(address, root=None if address == ROOT else ROOT))

        @rule(seed=st.sampled_from(["http://x/1", "http://x/4"]))
        def push_seed(self, seed: str) -> None:
            self.redis.lpush("episodes:start_urls", seed)

        @rule(target=leases, count=st.integers(1, 3))
        def lease(self, count: int) -> MultipleResults[Lease]:
            return self._lease(self.queue.new_tokens(count))

        @rule(target=unanswered, count=st.integers(1, 3))
        def lease_without_an_answer(self, count: int) -> list[str]:
            tokens = self.queue.new_tokens(count)
            self.queue.lease(tokens, self.now)
            return tokens

        @rule(target=leases, tokens=consumes(unanswered))
        def lease_again(self, tokens: list[str]) -> MultipleResults[Lease]:
            return self._lease(tokens)

        @rule(target=sent, lease=leases, end=st.sampled_from(ENDS))
        def end(self, lease: Lease, end: str) -> Ack[Any]:
            owned = self.redis.hget(f"{PREFIX}owners", lease.key) == lease.token.encode()
            ack = _ack(lease, end, self.now)
            tries = self.redis.hget(f"{PREFIX}tries", lease.key)
            (outcome,) = self.queue.acknowledge([ack])
            if owned:
                assert outcome not in (False, "lost")
                if end == "uncounted":
                    assert (outcome, self.redis.hget(f"{PREFIX}tries", lease.key)) == ("delayed", tries)
                if end != "release":
                    assert self.queue.acknowledge([ack]) == [outcome]
            return ack

        @rule(target=sent, lease=leases, host=st.sampled_from(HOSTS[:-1]))
        def move(self, lease: Lease, host: str) -> Ack[Any]:
            owned = self.redis.hget(f"{PREFIX}owners", lease.key) == lease.token.encode()
            ack = acks.move(lease, host, LIMITS, now=self.now)
            (is_counted,) = self.queue.acknowledge([ack])
            assert owned or not is_counted
            assert self._look()[lease.key] == "leased" if is_counted else not owned or self._is_filed(lease, host)
            return ack

        @rule(target=sent, lease=leases, host=st.sampled_from(HOSTS), came_from=st.sampled_from(HOSTS))
        def turn(self, lease: Lease, host: str, came_from: str) -> Ack[Any]:
            """The file has come, and something beside it is fetched."""
            owned = self.redis.hget(f"{PREFIX}owners", lease.key) == lease.token.encode()
            before = self._look(), self._costs()
            ack = acks.turn(lease, host, came_from, LIMITS, now=self.now)
            (counted,) = self.queue.acknowledge([ack])
            assert owned == (counted >= 0)
            assert (self._look(), self._costs()) == before
            if counted > 0:
                assert self.redis.hget(f"{PREFIX}hops", lease.key) == (host.encode() or None)
                assert not self.redis.hexists(f"{PREFIX}connected", lease.key)
            return ack

        @rule(held=st.lists(leases, max_size=3), host=st.sampled_from(HOSTS))
        def receive(self, held: list[Lease], host: str) -> None:
            self.queue.lease([], self.now, {lease.token: host for lease in held})

        @rule(ack=sent)
        def end_again(self, ack: Ack[Any]) -> None:
            before = self._look(), self._costs()
            self.queue.acknowledge([ack])
            assert ack.script == "move" or (self._look(), self._costs()) == before

        @rule(held=st.lists(leases, max_size=3))
        def extend(self, held: list[Lease]) -> None:
            owners = self.redis.hgetall(f"{PREFIX}owners")
            lost = {lease.token for lease in held if owners.get(lease.key.encode()) != lease.token.encode()}
            assert self.queue.extend(held, self.now) == lost

        @rule(seconds=st.integers(-200, 200))
        def set_the_clock(self, seconds: int) -> None:
            self.now += seconds * 1000

        @rule(keys=st.lists(st.sampled_from(["show/0", "show/1", "show/2", ROOT, "http://x/2"]), max_size=3))
        def requeue(self, keys: list[str]) -> None:
            failed = {key for key in keys if self.states.get(key) == "failed"}
            assert self.queue.requeue(keys) == len(failed)
            states = self._look()
            assert all(states[key] == "pending" for key in failed)
            assert not any(key.decode() in failed for cost in self._costs() for key in cost)

        @rule(number=st.integers(0, 4))
        def record(self, number: int) -> None:
            if self.states.get(f"show/{number}") != "leased":
                self.forgotten.discard(str(number).encode())
            self.queue.record([("show", str(number), 7)])

        @rule(number=st.integers(0, 4))
        def forget(self, number: int) -> None:
            key, name = f"show/{number}", str(number).encode()
            state = self.states.get(key)
            (outcome,) = Records(self.redis, Keys()).forget([key])
            assert outcome == {"leased": False, None: True if name in self.forgotten else None}.get(state, True)
            if outcome:
                self.forgotten.add(name)
                self.sizes.pop(name, None)
                # Its move is none that nodes make.
                self.states.pop(key, None)

        @rule(paused=st.booleans())
        def pause(self, paused: bool) -> None:
            if paused:
                self.redis.set("{podcrawler}:paused", 1)
            else:
                self.redis.delete("{podcrawler}:paused")

        @invariant()
        def every_entry_moves_as_it_may(self) -> None:
            states = self._look()
            for key in self.states.keys() | states.keys():
                move = self.states.get(key), states.get(key)
                moves = MOVES_OF_SEEDS if key.startswith("seed:") else MOVES_OF_PAGES if "://" in key else MOVES
                assert move[0] == move[1] or move in moves, (key, move)
            self.states = states

        @invariant()
        def what_is_finished_is_finished_once(self) -> None:
            sizes, events = self._read(lambda pipe: (pipe.hgetall(FINISHED), pipe.xrange("{podcrawler}:events")))
            assert sizes.items() >= self.sizes.items()
            self.sizes = sizes
            ends = [event for _, event in events if event[b"state"] == b"finished"]
            episodes = Counter(event[b"key"] for event in ends if event[b"group"] == b"show")
            assert all(count == 1 for count in episodes.values())
            assert {key.removeprefix(b"show/") for key in episodes} <= sizes.keys() | self.forgotten
            assert self.forgotten.isdisjoint(sizes)

        @invariant()
        def the_keys_agree(self) -> None:
            names = ("entries", "routes", "owners", "tokens", "open", "tries", "expiries", "ended")
            entries, routes, owners, tokens, open_counts, tries, expiries, ended = self._read(
                lambda pipe: [pipe.hgetall(PREFIX + name) for name in names]
            )
            assert entries.keys() == routes.keys()
            assert {token: key for key, token in owners.items()} == tokens
            assert {key.decode() for key in owners} == {key for key, state in self.states.items() if state == "leased"}
            groups = Counter(
                "seeds" if key.startswith("seed:") else ROOT if "://" in key else "show"
                for key, state in self.states.items()
                if state in ("pending", "leased", "delayed")
            )
            assert {group.decode(): int(count) for group, count in open_counts.items()} == groups
            assert entries.keys() >= ended.keys() >= tries.keys()
            assert entries.keys() >= expiries.keys()
            assert not [key for key, token in ended.items() if owners.get(key) == token]
            for key, count in [*tries.items(), *expiries.items()]:
                assert 1 <= int(count) <= (3 if self.states[key.decode()] == "failed" else 2)

        @invariant()
        def no_host_has_more_connections_than_it_may_have_and_none_is_forgotten(self) -> None:
            connected, hops, connections, owners = self._read(
                lambda pipe: [pipe.hgetall(PREFIX + name) for name in ("connected", "hops", "connections", "owners")]
            )
            assert Counter([*connected.values(), *hops.values()]) == {
                host: int(count) for host, count in connections.items()
            }
            assert all(int(count) <= CONNECTIONS[host.decode()] for host, count in connections.items())
            assert owners.keys() >= connected.keys() | hops.keys()
            offered, full, resting, asked, *waiting = self._read(
                lambda pipe: (
                    *(pipe.zrange(PREFIX + name, 0, -1) for name in ("hosts", "full", "resting")),
                    pipe.hkeys(f"{PREFIX}asked"),
                    *(pipe.exists(f"{PREFIX}pending:{host}") for host in HOSTS),
                )
            )
            hosts = {host.encode() for host, waits in zip(HOSTS, waiting, strict=True) if waits}
            assert set(offered) == hosts - {*full, *resting}
            assert set(full) <= connections.keys()
            assert set(asked) <= set(resting)

        def _is_filed(self, lease: Lease, host: str) -> bool:
            """Whether the entry is pending under the host, which is full or rests."""
            filed, full, resting = self._read(
                lambda pipe: (
                    pipe.zscore(f"{PREFIX}pending:{host}", lease.key),
                    pipe.zscore(f"{PREFIX}full", host),
                    pipe.zscore(f"{PREFIX}resting", host),
                )
            )
            return filed is not None and (full is not None or resting is not None)

        def _lease(self, tokens: list[str]) -> MultipleResults[Lease]:
            batch = self.queue.lease(tokens, self.now)
            assert {lease.token for lease in batch.leases} <= set(tokens)
            assert self.queue.lease(tokens, self.now).leases == batch.leases
            states = Counter(self._look().values())
            waiting = self.redis.llen("episodes:start_urls")
            assert batch.open == waiting + sum(states[state] for state in ("pending", "leased", "delayed"))
            return multiple(*batch.leases)

        def _push(self, entry: Entry) -> None:
            before = self._look().get(entry.key)
            pushed = self.queue.push_many([entry])
            after = self._look().get(entry.key)
            assert (after is None) == (entry.kind == "episode" and entry.name.encode() in self.forgotten)
            assert pushed.added == (before != "pending" and after == "pending")

        def _look(self) -> dict[str, State]:
            """The state of each entry; fails if there are two."""
            leased, delayed, failed, finished, visited, entries, *pending = self._read(
                lambda pipe: (
                    pipe.zrange(f"{PREFIX}leases", 0, -1),
                    pipe.zrange(f"{PREFIX}delayed", 0, -1),
                    pipe.hkeys(f"{PREFIX}failed"),
                    pipe.hkeys(FINISHED),
                    pipe.hkeys("{podcrawler}:visit:" + ROOT),
                    pipe.hkeys(f"{PREFIX}entries"),
                    *(pipe.zrange(f"{PREFIX}pending:{host}", 0, -1) for host in HOSTS),
                )
            )
            found: list[tuple[State, list[bytes]]] = [
                ("leased", leased),
                ("delayed", delayed),
                ("failed", failed),
                ("finished", [*visited, *(b"show/" + name for name in finished)]),
                ("pending", [key for keys in pending for key in keys]),
            ]
            states = {key.decode(): state for state, keys in found for key in keys}
            assert len(states) == sum(len(keys) for _, keys in found), found
            assert {key for key, state in states.items() if state != "finished"} == {key.decode() for key in entries}
            return states

        def _costs(self) -> list[Any]:
            return self._read(lambda pipe: [pipe.hgetall(PREFIX + name) for name in ("tries", "expiries", "ended")])

        def _read(self, ask: Callable[[Client], object]) -> list[Any]:
            pipe = self.redis.pipeline()
            ask(pipe)
            answers: list[Any] = pipe.execute()
            return answers

    return Walk


def _ack(lease: Lease, end: str, now: int) -> Ack[Any]:
    match end, lease.kind:
        case "finish", "page":
            return acks.finish_page(
                lease, {"podcast": "show"}, ("show", "{}"), [lease.key], pushed_count=0, visit_ttl=100
            )
        case "finish", "seed":
            # Not finish_seed, which is refused unless the seed's entry was pushed: this walk pushes apart from it.
            return Ack("finish", [lease.key, lease.token, "", "", "", 0, 0], bool)
        case "finish", _:
            return acks.finish(lease, size=1, path="x")
        case "release", _:
            return acks.release(lease)
        case _:
            error = EntryError("kind", "reason", "passing")
            tries, rest = (3 if end in ("retry", "busy") else 1), (30 if end == "busy" else 0)
            return acks.give_up(lease, error, tries=tries, delay=10, rest=rest, counts=end != "uncounted", now=now)


def test_no_walk_loses_or_doubles_an_entry(every_redis: Client) -> None:
    run_state_machine_as_test(
        machine_of(every_redis),
        settings=settings(
            max_examples=80,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
        ),
    )
