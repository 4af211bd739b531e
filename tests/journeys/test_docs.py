"""The page a person reads the API on."""

import re

import httpx2

from support.stack import Stack


def test_the_page_loads_nothing_from_elsewhere(stack: Stack) -> None:
    """`/docs` at the edge needs no key and no internet: each script and style it names is served beside it."""
    with httpx2.Client(base_url=stack.edge_url, trust_env=False) as browser:
        page = browser.get("/docs").text
        named = re.findall(r'(?:src|href)="([^"]+)"', page)
        assert len(named) >= len(("script", "style"))
        for asset in named:
            assert asset.startswith("/docs/assets/"), asset
            served = browser.get(asset)
            assert (served.status_code, len(served.content) > 0) == (httpx2.codes.OK, True), asset
        assert browser.get("/openapi.json").json()["paths"]


def test_every_operation_with_a_body_shows_an_example(stack: Stack) -> None:
    """A reader can send what the page shows."""
    document = httpx2.get(f"{stack.edge_url}/openapi.json", trust_env=False).json()
    bodies = [
        body
        for path in document["paths"].values()
        for operation in path.values()
        for body in operation.get("requestBody", {"content": {}})["content"].values()
    ]
    assert bodies
    assert [body for body in bodies if "example" not in body and "example" not in body["schema"]] == []
