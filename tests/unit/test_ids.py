"""Ids of version 7 rise, so that messages sort by receipt."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

from hub.ids import new_control_id, new_id


def test_ids_rise_within_one_process() -> None:
    ids = [new_id() for _ in range(20_000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)


def test_no_two_threads_get_one_id() -> None:
    with ThreadPoolExecutor(4) as pool:
        ids = list(pool.map(lambda _: new_id(), range(4000)))
    assert len(set(ids)) == len(ids)


def test_an_id_says_that_it_is_of_version_7() -> None:
    assert (new_id().version, new_id().variant) == (7, "specified in RFC 4122")


def test_forked_processes_draw_different_control_ids() -> None:
    fork = multiprocessing.get_context("fork")
    ids = [new_control_id()]
    for _ in range(2):
        with ProcessPoolExecutor(1, mp_context=fork) as pool:
            ids.append(pool.submit(new_control_id).result())
    assert len({one[:10] for one in ids}) == 3
    assert {len(one) for one in ids} == {20}
    assert new_control_id() != new_control_id()
