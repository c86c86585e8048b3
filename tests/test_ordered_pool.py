"""Tasks in threads, results in order."""

from __future__ import annotations

import threading
import time
from itertools import chain

import pytest

from ctabatch.ordered_pool import OrderedPool


def run(n_threads, n_items, depth=3, task=lambda item, k: (item, k)):
    found = []
    with OrderedPool(n_threads, depth) as pool:
        for item in range(n_items):
            tasks = [lambda item=item, k=k: task(item, k) for k in range(item % 3)]
            found += pool.give(item, tasks)
        found += pool.rest()
    return found


@pytest.mark.parametrize("n_threads", [1, 2, 5])
def test_results_come_in_the_order_of_the_items(n_threads):
    def slow_first(item, k):
        time.sleep(0.002 * ((item * 7 + k) % 5))
        return item, k

    expected = [(item, [(item, k) for k in range(item % 3)]) for item in range(20)]
    assert run(n_threads, 20, task=slow_first) == expected


def test_no_more_items_than_asked_for_are_under_way():
    begun, handed_back, most = [0], [0], [0]
    lock = threading.Lock()

    def task():
        time.sleep(0.001)

    with OrderedPool(3, 2) as pool:
        for item in range(30):
            with lock:
                begun[0] += 1
            for _ in pool.give(item, [task, task]):
                handed_back[0] += 1
            most[0] = max(most[0], begun[0] - handed_back[0])
        for _ in pool.rest():
            handed_back[0] += 1
    assert handed_back[0] == 30
    assert 1 <= most[0] <= 2


@pytest.mark.parametrize("n_threads", [1, 3])
def test_the_first_failure_in_order_is_raised_and_all_threads_end(n_threads):
    def task(item, k):
        if item >= 4:
            time.sleep(0.02 if item == 4 else 0)  # the later one fails first
            raise ValueError(f"item {item}")
        return item

    with pytest.raises(ValueError, match="item 4"):
        run(n_threads, 20, depth=8, task=task)
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name.startswith("ctabatch-worker")]


def test_one_thread_is_the_thread_of_the_caller():
    with OrderedPool(1, 4) as pool:
        ((_, (name,)),) = pool.give(0, [lambda: threading.current_thread().name])
    assert name == threading.current_thread().name


def test_a_task_that_is_about_to_begin_is_not_refused_because_a_later_one_failed():
    begun, failed = threading.Event(), threading.Event()

    class Slow(OrderedPool):
        def _run(self, number, task):
            if number == 0:  # its thread has taken it, the other is quicker
                begun.set()
                assert failed.wait(20)
            try:
                return super()._run(number, task)
            finally:
                if number == 1:
                    failed.set()

    def fail():
        assert begun.wait(20)
        raise ValueError("the second")

    found = []
    with Slow(2, 4) as pool:
        assert list(pool.give("a", [lambda: "first"])) == []
        with pytest.raises(ValueError, match="the second"):
            found.extend(chain(pool.give("b", [fail]), pool.rest()))
    assert found == [("a", ["first"])]
