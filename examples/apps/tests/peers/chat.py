"""Guests of the chat, by the library websockets."""

import asyncio
import sys

import websockets

ADDRESS = sys.argv[1]
GUESTS = 50


async def guest(number, everybody_is_there, everybody_has_heard):
    async with websockets.connect(f"ws://{ADDRESS}/room/python", max_queue=None) as socket:
        await socket.send(f"guest-{number}")
        kind, name, _ = (await socket.recv()).split("\t")
        assert (kind, name) == ("here", f"guest-{number}"), (kind, name)
        await everybody_is_there.wait()
        # Fragments, a ping, and text outside of ASCII.
        await socket.send(["héllo ", "from ", f"{number} ✓"])
        await asyncio.wait_for(await socket.ping(), 30)
        heard = set()
        while len(heard) < GUESTS:
            kind, name, text = (await asyncio.wait_for(socket.recv(), 30)).split("\t")
            if kind == "said":
                assert text == f"héllo from {name.removeprefix('guest-')} ✓", text
                heard.add(name)
        await everybody_has_heard.wait()
    assert socket.close_code == 1000, socket.close_code
    return len(heard)


class Gate:
    """Lets its guests through when all have come."""

    def __init__(self):
        self.missing = GUESTS
        self.open = asyncio.Event()

    async def wait(self):
        self.missing -= 1
        if self.missing == 0:
            self.open.set()
        await asyncio.wait_for(self.open.wait(), 60)


async def refused():
    try:
        async with websockets.connect(f"ws://{ADDRESS}/room/python", origin="http://elsewhere.example"):
            raise AssertionError("a page of others came in")
    except websockets.exceptions.InvalidStatusCode as refusal:
        assert refusal.status_code == 403, refusal


async def main():
    await refused()
    gates = Gate(), Gate()
    heard = await asyncio.gather(*(guest(number, *gates) for number in range(GUESTS)))
    print(f"{len(heard)} guests heard {min(heard)} times each")


asyncio.run(main())
