from dataclasses import dataclass

import pytest

from torchferry.serving.onnx_server.fair_queue import FairQueue


@dataclass(eq=False)
class Item:
    client: str
    size: int = 1


def served(queue: FairQueue[Item]) -> list[Item]:
    """All that is in it, as it is served."""
    order = []
    while item := queue.first():
        queue.serve(item)
        order.append(item)
    return order


def filled(*items: Item) -> FairQueue[Item]:
    queue: FairQueue[Item] = FairQueue()
    for item in items:
        queue.add(item)
    return queue


def test_one_client_is_served_in_order_of_arrival() -> None:
    items = [Item("a"), Item("a", 5), Item("a")]
    assert served(filled(*items)) == items


def test_who_sends_one_request_waits_for_one_of_who_sends_many() -> None:
    many, one = [Item("a") for _ in range(5)], Item("b")
    assert served(filled(*many, one)) == [many[0], one, *many[1:]]


def test_large_requests_count_as_their_size() -> None:
    large, small = [Item("a", 4) for _ in range(2)], [Item("b") for _ in range(5)]
    assert served(filled(*large, *small)) == [large[0], *small[:4], large[1], small[4]]


def test_who_comes_later_has_saved_up_no_turns() -> None:
    early = [Item("a") for _ in range(6)]
    queue = filled(*early)
    for item in early[:4]:
        queue.serve(item)
    late = [Item("b") for _ in range(4)]
    for item in late:
        queue.add(item)
    assert served(queue) == [late[0], early[4], late[1], early[5], *late[2:]]


def test_its_order_is_told_before_it_is_served() -> None:
    queue = filled(*(Item("a", 2) for _ in range(3)), Item("b"), Item("c", 3), Item("b"), Item("b"))
    assert list(queue) == served(queue)


def test_what_is_removed_costs_its_client_nothing() -> None:
    gone, stays, other = Item("a", 9), Item("a"), Item("b")
    queue = filled(gone, stays, other)
    queue.remove(gone)
    assert (len(queue), queue.size) == (2, 2)
    assert served(queue) == [stays, other]
    assert (len(queue), queue.size, queue.lines) == (0, 0, {})


def test_what_is_not_in_it_cannot_be_taken_out() -> None:
    queue = filled(Item("a"))
    with pytest.raises(ValueError, match="not in deque"):
        queue.remove(Item("a"))
    with pytest.raises(KeyError):
        queue.remove(Item("b"))


def test_what_cost_more_than_it_said_is_charged_while_there_is_more() -> None:
    first, second, other = Item("a"), Item("a"), Item("b", 5)
    queue = filled(first, second, other, last := Item("b"))
    queue.serve(first)
    queue.charge("a", 6)
    queue.charge("nobody", 6)
    assert served(queue) == [other, last, second]
