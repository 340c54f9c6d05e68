"""The states of a node: which follows which, and who hears of it."""

from collections.abc import Callable

import pytest
from scrapy.signalmanager import SignalManager

from podcrawler.queue.node import Node, NodeState
from podcrawler.signals import node_draining, node_stopping

CHANGES: dict[str, Callable[[Node], None]] = {
    "pause": lambda node: node.pause("The disk is full."),
    "resume": Node.resume,
    "drain": Node.drain,
    "stop": Node.stop,
}


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ([], NodeState.RUNNING),
        (["pause"], NodeState.PAUSED),
        (["pause", "pause"], NodeState.PAUSED),
        (["pause", "resume"], NodeState.RUNNING),
        (["resume"], NodeState.RUNNING),
        (["pause", "drain"], NodeState.DRAINING),
        (["drain", "pause"], NodeState.DRAINING),
        (["pause", "drain", "resume"], NodeState.DRAINING),
        (["drain", "stop"], NodeState.STOPPING),
        (["stop", "drain"], NodeState.STOPPING),
        (["stop", "pause", "resume"], NodeState.STOPPING),
    ],
)
def test_a_state_gives_way_only_to_those_that_are_allowed_after_it(changes: list[str], state: NodeState) -> None:
    node = Node(SignalManager())
    for change in changes:
        CHANGES[change](node)
    assert node.state is state
    assert node.is_paused == (state is NodeState.PAUSED)
    assert node.is_draining == (state in (NodeState.DRAINING, NodeState.STOPPING))
    assert node.is_stopping == (state is NodeState.STOPPING)


def test_the_reason_lasts_until_the_node_resumes() -> None:
    node = Node(SignalManager())
    node.pause("The disk is full.")
    node.pause("The quota is used up.")
    assert node.pause_reason == "The quota is used up."
    node.drain()
    assert node.pause_reason == "The quota is used up."
    node.resume()
    assert node.pause_reason == ""


@pytest.mark.parametrize("changes", [["drain", "drain", "stop", "stop", "drain"], ["stop"]])
def test_each_signal_is_sent_once_after_its_observers_were_called(changes: list[str]) -> None:
    signals = SignalManager()
    node = Node(signals)
    heard: list[object] = []

    def draining() -> None:
        heard.append((node_draining, node.state))

    def stopping() -> None:
        heard.append((node_stopping, node.state))

    node.observe(lambda: heard.append(node.state))
    signals.connect(draining, signal=node_draining)
    signals.connect(stopping, signal=node_stopping)
    for change in changes:
        CHANGES[change](node)
    assert heard == [
        NodeState.DRAINING,
        (node_draining, NodeState.DRAINING),
        NodeState.STOPPING,
        (node_stopping, NodeState.STOPPING),
    ]


def test_observers_hear_of_changes_alone() -> None:
    node = Node(SignalManager())
    states: list[NodeState] = []
    node.observe(lambda: states.append(node.state))
    for change in ("resume", "pause", "pause", "resume", "resume"):
        CHANGES[change](node)
    assert states == [NodeState.PAUSED, NodeState.RUNNING]
