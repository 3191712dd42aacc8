"""Asks a GraphQL API through the `gql` client: questions as JSON on stdin, what came of each as JSON on stdout.

With "check" the client reads the schema from the API first, by introspection, and holds the question against it itself.
"""

import json
import sys

from gql import Client, gql
from gql.transport.exceptions import TransportQueryError, TransportServerError
from gql.transport.requests import RequestsHTTPTransport
from graphql import GraphQLError, print_schema


def ask(url, question):
    headers = {"Authorization": question["token"], "Accept-Language": question.get("language", "en")}
    transport = RequestsHTTPTransport(url=url, headers=headers, timeout=60)
    client = Client(transport=transport, fetch_schema_from_transport=question.get("check", False), execute_timeout=60)
    try:
        request = gql(question["query"])
        request.variable_values = question.get("variables") or {}
        with client as session:
            told = {"data": session.execute(request)}
            if question.get("check"):
                told["schema"] = print_schema(client.schema)
            return told
    except TransportQueryError as wrong:
        return {"data": wrong.data, "errors": wrong.errors}
    except TransportServerError as wrong:
        return {"status": wrong.code}
    except GraphQLError as wrong:
        return {"refused_by_client": wrong.message}


given = json.load(sys.stdin)
json.dump([ask(given["url"], question) for question in given["questions"]], sys.stdout)
