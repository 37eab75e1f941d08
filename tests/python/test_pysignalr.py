"""The asynchronous Python client `pysignalr` against examples, over WebSockets, which is what it has."""

import asyncio
import unittest

from pysignalr.client import SignalRClient
from pysignalr.protocol.json import JSONProtocol
from pysignalr.protocol.messagepack import MessagepackProtocol

from support import PATIENCE, Server

PROTOCOLS = [JSONProtocol, MessagepackProtocol]


class Connection:
    """A client that runs beside its test, and what it has heard."""

    def __init__(self, url, protocol, token=None):
        # Its `access_token_factory` is not asked before it has connected.
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.client = SignalRClient(url, protocol=protocol(), headers=headers)
        self._events = asyncio.Queue()
        self.client.on_open(lambda: self._events.put("open"))
        self.client.on_error(lambda completion: self._events.put(("error", completion.error)))
        for name in ("Message", "SumSoFar"):
            self.client.on(name, lambda arguments: self._events.put(("message", *arguments)))

    async def __aenter__(self):
        self._running = asyncio.ensure_future(self.client.run())
        assert await self.next() == "open"
        return self

    async def __aexit__(self, *_):
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)

    async def put(self, event):
        await self._events.put(event)

    async def next(self):
        return await asyncio.wait_for(self._events.get(), PATIENCE)

    async def ask(self, method, *arguments):
        async def answered(completion):
            if not completion.error:
                await self.put(completion.result)

        await self.client.send(method, list(arguments), answered)
        return await self.next()


class PySignalR(unittest.IsolatedAsyncioTestCase):
    @classmethod
    def setUpClass(cls):
        cls.server, cls.streams = Server("contract"), Server("streaming")
        cls.addClassCleanup(cls.server.stop)
        cls.addClassCleanup(cls.streams.stop)

    async def each_protocol(self, check):
        for protocol in PROTOCOLS:
            with self.subTest(protocol=protocol.__name__):
                await check(protocol)

    def hub(self, protocol):
        return Connection(f"{self.server.url}/hubs/test", protocol)

    async def test_calls_are_answered_and_errors_told(self):
        async def check(protocol):
            async with self.hub(protocol) as ann:
                self.assertEqual(await ann.ask("Echo", "grüß dich \U0001f44b"), "grüß dich \U0001f44b")
                self.assertEqual(await ann.ask("Add", 2, 40), 42)
                error = "An unexpected error occurred invoking 'ThrowHubException' on the server. HubException: bad"
                self.assertEqual(await ann.ask("ThrowHubException", "bad"), ("error", error))
                self.assertEqual(await ann.ask("Echo", "still here"), "still here")

        await self.each_protocol(check)

    async def test_messages_reach_others(self):
        async def check(protocol):
            async with self.hub(protocol) as ann, self.hub(protocol) as bob:
                await bob.client.send("SendOthers", ["hello"])
                self.assertEqual(await ann.next(), ("message", "hello"))

        await self.each_protocol(check)

    async def test_streams_go_both_ways(self):
        async def check(protocol):
            async with self.hub(protocol) as ann:
                await ann.client.stream("Count", [3, 0], ann.put, lambda _: ann.put("complete"))
                self.assertEqual([await ann.next() for _ in range(4)], [0, 1, 2, "complete"])
            async with Connection(f"{self.streams.url}/streams", protocol) as bob:
                async with bob.client.client_stream("Sum") as numbers:
                    for number in (1, 2, 39):
                        await numbers.send(number)
                self.assertEqual([await bob.next() for _ in range(3)], [("message", sum) for sum in (1, 3, 42)])

        await self.each_protocol(check)

    async def test_a_client_is_asked_and_answers(self):
        async def check(protocol):
            async with self.hub(protocol) as ann:

                async def answer(arguments):
                    return f"{arguments[0]} Yes."

                ann.client.on("Question", answer)
                self.assertEqual(await ann.ask("AskCaller", "Are you there?"), "Are you there? Yes.")

        await self.each_protocol(check)

    async def test_users_are_known_by_their_token(self):
        async def check(protocol):
            url = f"{self.server.url}/hubs/authorized"
            ann, eve = self.server.token(sub="ann"), self.server.token(sub="eve", role="Administrators")
            async with Connection(url, protocol, ann) as connection:
                self.assertEqual(await connection.ask("UserIdentifier"), "ann")
                refused = "Failed to invoke 'BanRole' because user is unauthorized"
                self.assertEqual(await connection.ask("BanRole", "bob"), ("error", refused))
            async with Connection(url, protocol, eve) as connection:
                self.assertEqual(await connection.ask("BanRole", "bob"), "banned bob")

        await self.each_protocol(check)


if __name__ == "__main__":
    unittest.main()
