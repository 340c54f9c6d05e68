from podcrawler.cancellation import Cancellation


def test_those_within_the_block_are_called() -> None:
    cancellation = Cancellation()
    called: list[str] = []
    with cancellation.calling(lambda: called.append("over")):
        pass
    with cancellation.calling(lambda: called.append("early")):
        assert called == []
        cancellation.request()
    assert cancellation.requested
    with cancellation.calling(lambda: called.append("late")):
        assert called == ["early", "late"]
