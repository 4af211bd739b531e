"""A peer: fastmcp's proxy in front of another MCP server. `proxy.py URL PORT`, run by an environment with fastmcp."""

import sys

import uvicorn
from fastmcp.server import create_proxy


def main() -> None:
    """Serves until it is stopped."""
    url, port = sys.argv[1:]
    app = create_proxy(url).http_app(stateless_http=True, json_response=True)
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
