# SPDX-License-Identifier: Apache-2.0
"""A client of otterd's API for tests.  Every answer is held to the OpenAPI
document that the server itself hands out: status, content type, schema."""
import http.client
import json
import re
import urllib.parse

LIMIT = 30
BASE = "/api/v1"


def faults(doc, schema, value, where="answer"):
    """What about a value is not as its schema says."""
    while "$ref" in schema:
        node = doc
        for part in schema["$ref"].split("/")[1:]:
            node = node[part]
        schema = node
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    known = {"string": str, "integer": int, "boolean": bool, "array": list,
             "object": dict, "null": type(None)}
    if types and type(value) not in [known[t] for t in types]:
        yield f"{where} is {value!r}, not {types}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where} is {value!r}, not one of {schema['enum']}"
    if isinstance(value, str):
        if not re.search(schema.get("pattern", ""), value):
            yield f"{where} is {value!r}, not {schema['pattern']}"
        if schema.get("format") == "date-time" and not re.fullmatch(
                r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value):
            yield f"{where} is {value!r}, no time"
    if isinstance(value, list):
        for i, item in enumerate(value):
            yield from faults(doc, schema.get("items", {}), item,
                              f"{where}[{i}]")
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        for name in schema.get("required", []):
            if name not in value:
                yield f"{where} lacks {name}"
        for name, item in value.items():
            other = schema.get("additionalProperties", True)
            if name in properties:
                yield from faults(doc, properties[name], item,
                                  f"{where}.{name}")
            elif isinstance(other, dict):
                yield from faults(doc, other, item, f"{where}.{name}")
            elif not other:
                yield f"{where} has {name}"


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = {name.lower(): value
                        for name, value in response.getheaders()}
        self.body = response.read()
        self.json = None
        if self.body and "json" in self.headers.get("content-type", ""):
            self.json = json.loads(self.body)

    def __getitem__(self, key):
        return self.json[key]


class Client:
    """One user of a server at 127.0.0.1:`port`."""

    def __init__(self, port, token=None):
        self.port = port
        self.token = token
        self.doc = None

    def other(self, token):
        client = Client(self.port, token)
        client.doc = self.doc
        return client

    def raw(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port,
                                                timeout=LIMIT)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def operation(self, method, path):
        for pattern, methods in self.doc["paths"].items():
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", pattern), path):
                return methods.get(method.lower())
        return None

    def check(self, method, path, answer):
        operation = self.operation(method, path)
        if operation is None:
            return
        told = operation["responses"].get(str(answer.status))
        assert told, f"{method} {path}: {answer.status} is not described"
        if "$ref" in told:
            told = self.doc["components"]["responses"]["Problem"]
        content = told.get("content", {})
        kind = answer.headers.get("content-type")
        assert (kind in content) or (not content and not answer.body), \
            f"{method} {path}: {kind} is not described"
        if answer.json is not None:
            found = list(faults(self.doc, content[kind]["schema"],
                                answer.json))
            assert not found, f"{method} {path}: {found}"

    def call(self, method, path, data=None, query=None, headers=None):
        """`data`: bytes as they are, anything else as JSON."""
        if self.doc is None:
            self.doc = json.loads(
                self.raw("GET", BASE + "/openapi.json").body)
        headers = dict(headers or {})
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if data is not None and not isinstance(data, bytes):
            data = json.dumps(data).encode()
            headers.setdefault("Content-Type", "application/json")
        url = BASE + urllib.parse.quote(path, safe="/:")
        if query:
            url += "?" + urllib.parse.urlencode(query)
        answer = self.raw(method, url, data, headers)
        self.check(method, path, answer)
        return answer

    def get(self, path, **query):
        return self.call("GET", path, query=query)

    def post(self, path, data, **query):
        return self.call("POST", path, data, query)

    def patch(self, path, **data):
        return self.call("PATCH", path, data)

    def delete(self, url, **query):
        return self.call("DELETE", url, query=query)
