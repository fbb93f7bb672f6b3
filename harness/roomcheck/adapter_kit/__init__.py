"""The author's side of the adapter protocol: an adapter for a Python SDK is this kit and one short file.

It needs the standard library only and imports nothing else of roomcheck; node/ and go/ are the same for SDKs in Node
and in Go. It translates and never judges: it knows no fault, no schedule and no expectation.

    kit = Adapter("example-room", "1.0")

    @kit.open
    async def open(member, user, endpoints, credentials, options):
        client = Client(user, endpoints["room"])
        client.on_state = lambda state: kit.emit(member, "onState", {"state": state})
        return client

    @kit.operation("login")
    async def login(client, arguments):
        await client.login(arguments["room"])

    @kit.close
    async def close(client):
        await client.close()

    kit.main()
"""

from roomcheck.adapter_kit.kit import Adapter, Indefinite, Refused, Unsupported

__all__ = ["Adapter", "Indefinite", "Refused", "Unsupported"]
