"""Subscribes to a GraphQL API as clients of AppSync do: subscribers as JSON on stdin, what each hears as lines of JSON.

A subscriber with a `query` uses gql's transport for AppSync; one with `frames` speaks the protocol itself, word for word.
"""

import asyncio
import base64
import json
import sys
from urllib.parse import quote, urlparse

import websockets
from gql import Client, gql
from gql.transport.appsync_auth import AppSyncJWTAuthentication
from gql.transport.appsync_websockets import AppSyncWebsocketsTransport
from gql.transport.exceptions import TransportQueryError, TransportServerError


def say(name, **what):
    print(json.dumps({"who": name, **what}), flush=True)


class Transport(AppSyncWebsocketsTransport):
    """The client does not tell when a subscription was acknowledged."""

    def _parse_answer(self, answer):
        if json.loads(answer).get("type") == "start_ack":
            say(self.name, ready=True)
        return super()._parse_answer(answer)


async def listen(url, one):
    name = one["name"]
    transport = Transport(url=url, auth=AppSyncJWTAuthentication(host=urlparse(url).netloc, jwt=one["token"]))
    transport.name = name
    try:
        async with Client(transport=transport) as session:
            request = gql(one["query"])
            request.variable_values = one.get("variables") or {}
            async for told in session.subscribe(request):
                say(name, data=told)
            say(name, complete=True)
    except TransportQueryError as wrong:
        say(name, error=wrong.errors)
    except TransportServerError as wrong:
        say(name, refused=str(wrong))


async def talk(url, one):
    name, header = one["name"], one.get("header")
    protocols = ["graphql-ws"]
    if header is not None:
        told = json.dumps(header).encode()
        if one.get("in_protocol"):
            protocols.append("header-" + base64.urlsafe_b64encode(told).decode().rstrip("="))
        else:
            url += "?header=" + quote(base64.b64encode(told).decode()) + "&payload=e30="
    if one.get("protocols") is not None:
        protocols = one["protocols"] or None
    try:
        async with websockets.connect(url, subprotocols=protocols) as socket:
            for frame in one["frames"]:
                await socket.send(frame if isinstance(frame, str) else json.dumps(frame))
            async for message in socket:
                say(name, message=json.loads(message))
            say(name, closed=socket.close_code)
    except websockets.ConnectionClosed as closed:
        say(name, closed=closed.rcvd.code if closed.rcvd else None)
    except websockets.InvalidStatus as wrong:
        say(name, status=wrong.response.status_code)


async def main():
    asked = json.loads(sys.stdin.readline())
    ways = [talk if "frames" in one else listen for one in asked["subscribers"]]
    await asyncio.gather(*(way(asked["url"], one) for way, one in zip(ways, asked["subscribers"])))
    say(None, over=True)


asyncio.run(main())
