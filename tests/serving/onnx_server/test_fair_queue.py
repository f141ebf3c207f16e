from dataclasses import dataclass

import pytest

from torchferry.serving.onnx_server.fair_queue import FairQueue


@dataclass(eq=False)
class Item:
    client: str
    cost: int = 1


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


def test_large_requests_count_as_their_cost() -> None:
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
    assert set(map(id, queue.in_any_order())) == set(map(id, queue))
    assert list(queue) == served(queue)


def test_who_has_one_waiting_each_time_does_not_come_anew_each_time() -> None:
    """As two connections of one client do: one is served while the other waits."""
    queue, order = filled(*(Item("b") for _ in range(4))), ""
    for _ in range(8):
        if "a" not in queue.lines:
            queue.add(Item("a"))
        first = queue.first()
        assert first
        queue.serve(first)
        order += first.client
    assert order == "babababa"


def test_newcomers_who_come_without_end_keep_nobody_waiting_for_ever() -> None:
    waiting = [Item("a") for _ in range(3)]
    queue, order = filled(*waiting), []
    for number in range(12):
        queue.add(Item(str(number)))
        first = queue.first()
        assert first
        queue.serve(first)
        order.append(first)
    assert set(waiting) <= set(order)
    assert len(queue.left) <= 12


def test_clients_that_have_left_are_forgotten() -> None:
    queue = filled(*(Item("a") for _ in range(2000)))
    for number in range(1000):
        for client in (str(number), "a"):
            if client != "a":
                queue.add(Item(client))
            queue.serve(queue.lines[client].items[0])
    assert len(queue.left) < 200
    for item in list(queue):
        queue.remove(item)
    assert (queue.left, queue.cost) == ({}, 0)


def test_how_much_goes_before_the_next_item_of_a_client_is_known() -> None:
    queue = filled(*(Item("a") for _ in range(9)), Item("b", 2))
    assert [queue.ahead(client) for client in "abc"] == [11, 4, 0]
    assert filled(*(Item("a", 3) for _ in range(3))).ahead("a") == 9
    assert filled().ahead("a") == 0


def test_what_is_removed_costs_its_client_nothing() -> None:
    gone, stays, other = Item("a", 9), Item("a"), Item("b")
    queue = filled(gone, stays, other)
    queue.remove(gone)
    assert (len(queue), queue.cost) == (2, 2)
    assert served(queue) == [stays, other]
    assert (len(queue), queue.cost, queue.lines) == (0, 0, {})


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


def test_what_cost_more_is_charged_to_a_client_that_has_left_and_comes_again() -> None:
    queue = filled(first := Item("a"), *(others := [Item("b") for _ in range(3)]))
    queue.serve(first)
    queue.charge("a", 2)
    queue.add(again := Item("a"))
    assert served(queue) == [*others, again]


def test_newcomers_whose_cost_is_known_afterwards_keep_nobody_waiting_for_ever() -> None:
    queue = filled(waits := Item("a"), last := Item("a"))
    queue.serve(waits)
    queue.charge("a", 50)
    for number in range(1000):
        queue.add(Item(f"new {number}", 0))
        chosen = queue.first()
        assert chosen is not None
        queue.serve(chosen)
        queue.charge(chosen.client, 10)
        if chosen is last:
            return
    raise AssertionError("it was never its turn")
