"""The Python client `signalrcore` against examples, over each transport that it has in common with servers.

Not tried: its long polling, which sends before it polls and is refused, by ASP.NET Core as well; its streams, of which it loses
what comes before `subscribe`, and cannot upload one in MessagePack; and its `stop`, which waits for the next ping.
"""

import unittest

from signalrcore.hub_connection_builder import HubConnectionBuilder
from signalrcore.types import HttpTransportType, HubProtocolEncoding

from support import Events, Server

WAYS = [
    (HttpTransportType.web_sockets, HubProtocolEncoding.text),
    (HttpTransportType.web_sockets, HubProtocolEncoding.binary),
    (HttpTransportType.server_sent_events, HubProtocolEncoding.text),
]


class SignalRCore(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server("contract")
        cls.addClassCleanup(cls.server.stop)

    def each_way(self, check):
        for way in WAYS:
            with self.subTest(transport=way[0].value, protocol=way[1].value):
                check(way)

    def connect(self, way, url=None, **claims):
        transport, protocol = way
        options = {"transport": transport}
        if claims:
            options["access_token_factory"] = lambda: self.server.token(**claims)
        builder = HubConnectionBuilder().with_url(url or f"{self.server.url}/hubs/test", options=options)
        client, events = builder.with_hub_protocol(protocol).build(), Events()
        client.on_open(lambda: events.put("open"))
        client.on_error(lambda completion: events.put("error", completion.error))
        client.on("Message", lambda arguments: events.put("message", *arguments))
        client.start()
        self.assertEqual(events.next(), "open")
        return client, events

    def ask(self, connection, method, *arguments):
        client, events = connection
        client.send(method, list(arguments), lambda completion: events.put(completion.result))
        return events.next()

    def test_calls_are_answered(self):
        def check(way):
            connection = self.connect(way)
            self.assertEqual(self.ask(connection, "Echo", "grüß dich \U0001f44b"), "grüß dich \U0001f44b")
            self.assertEqual(self.ask(connection, "Add", 2, 40), 42)
            self.assertEqual(self.ask(connection, "Transport"), way[0].value)

        self.each_way(check)

    def test_errors_of_a_hub_are_told_and_end_nothing(self):
        def check(way):
            client, events = connection = self.connect(way)
            client.send("ThrowHubException", ["bad"])
            error = "An unexpected error occurred invoking 'ThrowHubException' on the server. HubException: bad"
            self.assertEqual(events.next(), ("error", error))
            self.assertEqual(self.ask(connection, "Echo", "still here"), "still here")

        self.each_way(check)

    def test_messages_of_a_group_arrive_in_their_order(self):
        def check(way):
            ann, (bob, _) = self.connect(way), self.connect(way)
            self.ask(ann, "JoinGroup", "friends")
            for number in range(10):
                bob.send("SendGroup", ["friends", str(number)])
            _, events = ann
            for number in range(10):
                self.assertEqual(events.next(), ("message", str(number)))

        self.each_way(check)

    def test_users_are_known_by_their_token(self):
        def check(way):
            url = f"{self.server.url}/hubs/authorized"
            client, events = ann = self.connect(way, url, sub="ann")
            self.assertEqual(self.ask(ann, "UserIdentifier"), "ann")
            client.send("BanRole", ["bob"])
            refused = "Failed to invoke 'BanRole' because user is unauthorized"
            self.assertEqual(events.next(), ("error", refused))
            eve = self.connect(way, url, sub="eve", role="Administrators")
            self.assertEqual(self.ask(eve, "BanRole", "bob"), "banned bob")

        self.each_way(check)


if __name__ == "__main__":
    unittest.main()
