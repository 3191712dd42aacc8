# Starts the stand-in for AWS behind a guard, in the process of the stand-in itself: there is no way around it.
#
# The stand-in makes functions out of posted code and answers every web page. The guard lets pass what the bundle asks:
# a request for this address, from no web page, with the key of this run, of an operation in operations.txt.
#
# Environment: COMPTOIR_KEY, COMPTOIR_PORT, COMPTOIR_ALSO_AT (more addresses that lead here, such as a front that speaks
# TLS), COMPTOIR_OPERATIONS (the text of operations.txt).
# It ends when standard input closes, which the parent holds open: so it never outlives the parent.

import email.utils
import hmac
import json
import os
import re
import sys
import threading
from urllib.parse import parse_qs

# Requests of a form are short; a stack is created from a template in S3.
LARGEST_FORM = 1024 * 1024
FORM = "application/x-www-form-urlencoded"

CREDENTIAL = re.compile(r"([A-Za-z0-9]+)/[0-9]{8}/[a-z0-9-]+/([a-z0-9-]+)/aws4_request")
SIGNED = re.compile(r"AWS4-HMAC-SHA256 Credential=" + CREDENTIAL.pattern + r",.*")
# A path of S3 is one only below the bundle's own buckets: any other could be an operation of another service.
BUCKET = re.compile(r"/comptoir-[a-z0-9-]+(/.*)?", re.DOTALL)

# Parameters of S3 that make no other operation of a request.
NO_OPERATION = re.compile(
    r"x-id|prefix|delimiter|max-keys|continuation-token|start-after|encoding-type|versionId|response-[a-z-]+"
    r"|X-Amz-[A-Za-z]+(-[A-Za-z]+)?|x-amz-(checksum-sha256|sdk-checksum-algorithm)"
)


class Refused(Exception):
    """Why a request is answered with 403."""


class Guard:
    """An ASGI application in front of another."""

    def __init__(self, app, key, port, also_at, operations):
        self.app = app
        self.key = key.encode()
        self.hosts = {f"127.0.0.1:{port}", f"localhost:{port}", *also_at.split()}
        lines = (line.partition("#")[0].strip() for line in operations.splitlines())
        self.operations = [[one.split("/") for one in line.split(" ")] for line in lines if line]

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        try:
            receive = await self.admitted(scope, receive)
        except Refused as why:
            await refuse(send, str(why))
            return
        await self.app(scope, receive, send)

    async def admitted(self, scope, receive):
        """Where to read the body of a request that may pass; otherwise Refused."""
        headers = single(scope)
        if headers.get("host", "").lower() not in self.hosts:
            raise Refused("this address is not called by that name")
        if "origin" in headers:
            raise Refused("web pages have nothing to ask here")
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
        key, service, presigned = credential(headers, query)
        # A program of a role of its own has a longer key, which begins with the run's.
        if not hmac.compare_digest(key.encode()[: len(self.key)], self.key):
            raise Refused("the access key id is not that of this run (aws_access_key_id in endpoints.json)")
        method, path = scope["method"], scope["path"]
        if service == "s3":
            operation = of_s3(method, path, query, headers)
            if presigned and operation not in ("s3 GET object", "s3 PUT object"):
                raise Refused("a signed address reads or writes one object")
        elif presigned:
            raise Refused("only S3 takes signed addresses")
        elif "x-amz-target" in headers:
            # The target alone tells the service: whoever reads the path as well could take it for another.
            if (method, path, query) != ("POST", "/", {}):
                raise Refused("an operation with a target is a POST to /")
            operation = headers["x-amz-target"]
        elif method == "POST" and path == "/" and not query and headers.get("content-type", "").startswith(FORM):
            body = await whole(receive)
            receive = replayed(body, receive)
            action = parse_qs(body.decode("latin-1"), keep_blank_values=True).get("Action", [])
            operation = f"{service} {action[0]}" if len(action) == 1 else f"{service} ?"
        else:
            operation = f"{service} {method} {path}"
        if not self.lists(operation):
            raise Refused(f"{operation!r} is not in infra/local/src/bundle/operations.txt")
        return receive

    def lists(self, operation):
        asked = [one.split("/") for one in operation.split(" ")]
        return any(same(listed, asked) for listed in self.operations)


def same(listed, asked):
    """Whether the words are the same, segment by segment; `*` is any segment."""
    if [len(word) for word in listed] != [len(word) for word in asked]:
        return False
    pairs = (pair for words in zip(listed, asked) for pair in zip(*words))
    return all(one == other or (one == "*" and other) for one, other in pairs)


def single(scope):
    """The headers by name; none that decides anything comes twice."""
    headers = {}
    for name, value in scope["headers"]:
        name = name.decode("latin-1").lower()
        if name in headers and name in ("host", "authorization", "x-amz-target", "content-type"):
            raise Refused(f"the header {name} comes twice")
        headers[name] = value.decode("latin-1")
    return headers


def credential(headers, query):
    """Key, service, and whether an address carries them instead of a header."""
    if "authorization" in headers:
        found = SIGNED.fullmatch(headers["authorization"])
        if found and not any(name.lower().startswith("x-amz-") for name in query):
            return found[1], found[2], False
    elif len(query.get("X-Amz-Credential", [])) == 1:
        found = CREDENTIAL.fullmatch(query["X-Amz-Credential"][0])
        if found:
            return found[1], found[2], True
    raise Refused("there is no signature with an access key id")


def of_s3(method, path, query, headers):
    """`s3 PUT object`, `s3 GET bucket?list-type`."""
    found = BUCKET.fullmatch(path)
    if not found or "x-amz-target" in headers:
        raise Refused("S3 is asked for the bundle's own buckets alone")
    kind = "object" if found[1] and found[1] != "/" else "bucket"
    wanted = sorted(name for name in query if not NO_OPERATION.fullmatch(name))
    if "x-amz-copy-source" in headers:
        wanted.append("copy")
    return f"s3 {method} {kind}" + ("?" + "&".join(wanted) if wanted else "")


async def whole(receive):
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Refused("the request broke off")
        body += message.get("body", b"")
        if len(body) > LARGEST_FORM:
            raise Refused("the form is too long")
        if not message.get("more_body"):
            return body


def replayed(body, receive):
    """Hands out a body that was read already, then what comes after it."""
    left = [{"type": "http.request", "body": body, "more_body": False}]

    async def again():
        return left.pop() if left else await receive()

    return again


async def refuse(send, why):
    body = json.dumps({"__type": "AccessDeniedException", "message": f"the stand-in for AWS refuses: {why}"}).encode()
    # Whoever asks what time it is, as the doctor does without a key, is told.
    date = email.utils.formatdate(usegmt=True).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), (b"date", date)]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def watch():
    while os.read(0, 1):
        pass
    os._exit(0)


def main():
    threading.Thread(target=watch, daemon=True).start()
    # Not for the children of the stand-in.
    told = [os.environ.pop(f"COMPTOIR_{name}") for name in ("KEY", "PORT", "ALSO_AT", "OPERATIONS")]
    from ministack import app

    app.app = Guard(app.app, *told)
    app.main()


if __name__ == "__main__":
    sys.exit(main())
