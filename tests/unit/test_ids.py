"""Ids of version 7 rise, so that messages sort by receipt."""

from concurrent.futures import ThreadPoolExecutor

from hub.ids import new_id


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
