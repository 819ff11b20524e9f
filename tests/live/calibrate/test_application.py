"""Answers go at once, or together when the door opens."""

from __future__ import annotations

from threading import Event, Thread

from simkit.live.calibrate.application import Application


def test_an_open_door_lets_answers_go_at_once() -> None:
    page = Application().find("/")
    assert (page.status, page.body_bytes) == (200, 0)


def test_a_shut_door_holds_them_until_it_opens() -> None:
    application = Application()
    answered = [Event() for _ in range(3)]
    application.shut()

    def ask(event: Event) -> None:
        application.find("/proxy")
        event.set()

    threads = [Thread(target=ask, args=(event,)) for event in answered]
    for thread in threads:
        thread.start()
    application.gather(3)
    assert not any(event.is_set() for event in answered)
    application.open()
    for thread in threads:
        thread.join(10)
    assert all(event.is_set() for event in answered)
